"""The WhatIf function as the API asks it: pandas and pyarrow are there, and a lookup's start does not pay for them."""

import json
from typing import TYPE_CHECKING, Any

from voucher_selection.domain import errors
from voucher_selection.domain.requests import WhatIfRequest

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class WhatIfFailed(Exception):
    """The function ended in another way than with an answer or one of our errors."""


class WhatIfFunction:
    """The function, by its name.

    Parameters
    ----------
    name
        The function's name or ARN.
    client
        A client of Lambda, with more patience than the function's own timeout.
    """

    def __init__(self, name: str, client: "LambdaClient") -> None:
        self._name = name
        self._client = client

    def ask(self, request: WhatIfRequest) -> dict[str, Any]:
        """Return what the model would be, with the fields of `what_if.WhatIf`.

        Raises
        ------
        VoucherSelectionError
            What the function has raised: `NoCounts` mostly.
        WhatIfFailed
            It has ended otherwise.
        """
        answer = self._client.invoke(FunctionName=self._name, Payload=request.model_dump_json().encode())
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise _error_of(payload)
        return payload


def _error_of(payload: dict[str, Any]) -> Exception:
    """Return the error that a function told of: ours by its class, or one that says what came instead."""
    kind = getattr(errors, str(payload.get("errorType")), None)
    message = str(payload.get("errorMessage"))
    if isinstance(kind, type) and issubclass(kind, errors.VoucherSelectionError):
        return kind(message)
    return WhatIfFailed(f"WhatIf ended with {payload.get('errorType')}: {message}")
