"""Call the WhatIf function, which has pandas and pyarrow, so that the API function can start without them."""

import json
from typing import TYPE_CHECKING, Any

from voucher_selection.contract.questions import BEST_RANGES, WHAT_IF
from voucher_selection.domain import errors
from voucher_selection.domain.requests import BestRangesRequest, WhatIfRequest

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class WhatIfFailed(Exception):
    """The function failed, but not with one of our errors."""


class WhatIfFunction:
    """The WhatIf function, by its name or ARN; the client must wait longer than the function's own timeout."""

    def __init__(self, name: str, client: "LambdaClient") -> None:
        self._name = name
        self._client = client

    def what_if(self, request: WhatIfRequest) -> dict[str, Any]:
        """Return what another model would change, with the fields of `what_if.WhatIf`; raises as `_ask`."""
        return self._ask(WHAT_IF, request)

    def best_ranges(self, request: BestRangesRequest) -> dict[str, Any]:
        """Return the best ranges of a measure, with the fields of `ranges_found.BestRanges`; raises as `_ask`."""
        return self._ask(BEST_RANGES, request)

    def _ask(self, question: str, request: WhatIfRequest | BestRangesRequest) -> dict[str, Any]:
        """Return the function's answer to a question.

        Raises
        ------
        VoucherSelectionError
            The error that the function raised: often `NoCounts`.
        WhatIfFailed
            The function failed in another way.
        """
        event = {"question": question, "request": request.model_dump(mode="json", exclude_unset=True)}
        answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise _error_of(payload)
        return payload


def _error_of(payload: dict[str, Any]) -> Exception:
    """Return the error in a function's answer: one of ours by its class, or `WhatIfFailed`."""
    kind = getattr(errors, str(payload.get("errorType")), None)
    message = str(payload.get("errorMessage"))
    if isinstance(kind, type) and issubclass(kind, errors.VoucherSelectionError):
        return kind(message)
    return WhatIfFailed(f"WhatIf ended with {payload.get('errorType')}: {message}")
