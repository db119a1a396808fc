"""The errors of DynamoDB, as errors of ours that name the table and say what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isfunction

from botocore.exceptions import BotoCoreError, ClientError

from voucher_selection.adapters.error_codes import code_of
from voucher_selection.domain.errors import CatalogRefused, CatalogUnavailable

_SERVER_ERROR = 500
# DynamoDB was busy or failing at every attempt. Any other code refuses the request itself.
_PASSING = {
    "InternalServerError",
    "ItemCollectionSizeLimitExceededException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}


@contextmanager
def named_refusals(table: str) -> Iterator[None]:
    """Turn an error of botocore into one that names the table and says what to do.

    Raises
    ------
    CatalogUnavailable
        DynamoDB does not answer, or answers that it cannot serve the request now.
    CatalogRefused
        The deployment may not do this, there is no such table, or the request is not valid.
    """
    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if (
            code in _PASSING
            or int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR
        ):
            raise _unavailable(table, error) from error
        raise CatalogRefused(
            f"DynamoDB refuses a request to table {table} ({error}): if the rights of the deployment, the table or its"
            " KMS key have changed, deploy the stage again, or restore them"
        ) from error
    except BotoCoreError as error:
        raise _unavailable(table, error) from error


def explained[T: type](kind: T) -> T:
    """Decorate a class whose `_table` is its table's name: its public methods raise errors of ours."""
    for name, method in list(vars(kind).items()):
        if isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _explained(method))
    return kind


def _explained[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    @wraps(method)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        with named_refusals(args[0]._table):  # type: ignore[attr-defined]
            return method(*args, **kwargs)

    return asked


def _unavailable(table: str, error: Exception) -> CatalogUnavailable:
    return CatalogUnavailable(f"table {table} does not answer ({error}): try again")
