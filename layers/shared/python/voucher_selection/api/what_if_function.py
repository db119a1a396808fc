"""Call the WhatIf function, which has pandas and pyarrow, so that the API function can start without them."""

import json
from typing import TYPE_CHECKING, Any

from voucher_selection.domain import errors
from voucher_selection.domain.requests import WhatIfRequest

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class WhatIfFailed(Exception):
    """The function failed, but not with one of our errors."""


class WhatIfFunction:
    """The WhatIf function, by its name or ARN; the client must wait longer than the function's own timeout."""

    def __init__(self, name: str, client: "LambdaClient") -> None:
        self._name = name
        self._client = client

    def ask(self, request: WhatIfRequest) -> dict[str, Any]:
        """Return the answer of a what-if, with the fields of `what_if.WhatIf`.

        Raises
        ------
        VoucherSelectionError
            The error that the function raised: often `NoCounts`.
        WhatIfFailed
            The function failed in another way.
        """
        answer = self._client.invoke(FunctionName=self._name, Payload=request.model_dump_json().encode())
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
