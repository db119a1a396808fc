"""Call the WhatIf function, which has pandas and pyarrow, so that the API function can start without them."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from voucher_selection.adapters.error_codes import code_of
from voucher_selection.api.problems import WhatIfBusy
from voucher_selection.contract.invoke_errors import HEALING
from voucher_selection.contract.questions import BEST_RANGES, WHAT_IF
from voucher_selection.domain import errors
from voucher_selection.domain.requests import BestRangesRequest, WhatIfRequest

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class WhatIfFailed(Exception):
    """The function failed, but not with one of our errors; or Lambda cannot call it until somebody mends it."""


_BUSY = "what computes this is starting or busy: ask again in a minute"


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
        WhatIfBusy
            The function cannot answer now. It is not called again here: Lambda takes 40 to 106 seconds to wake a
            function, longer than the caller of the API can wait.
        WhatIfFailed
            The function failed in another way, or cannot be called.
        """
        event = {"question": question, "request": request.model_dump(mode="json", exclude_unset=True)}
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
        except ClientError as error:
            if code_of(error) in HEALING:
                raise WhatIfBusy(f"{_BUSY} ({code_of(error)})") from error
            raise WhatIfFailed(f"Lambda cannot call WhatIf until somebody mends it: {error}") from error
        except (NotConnected, HTTPClientError) as error:
            raise WhatIfBusy(f"{_BUSY} ({type(error).__name__})") from error
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
