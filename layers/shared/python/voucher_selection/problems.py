"""Errors of the API as problem details (RFC 9457), each with a stable `code` beside the standard members."""

from http import HTTPStatus
from typing import Any, NamedTuple

from voucher_selection.errors import NoModel, NoSegment, NoSupport, UnknownCountry
from voucher_selection.lookups import InvalidLookup
from voucher_selection.model_cache import CatalogUnreachable

CONTENT_TYPE = "application/problem+json"
_RETRY_SECONDS = "5"


class MalformedJson(Exception):
    """The request's body is no JSON."""


class UnsupportedMediaType(Exception):
    """The request's body is of a type that the route does not read."""


class NoRoute(Exception):
    """There is no such path, or not with this method."""


class Problem(NamedTuple):
    """An error as it is answered."""

    status: HTTPStatus
    code: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        return {"Retry-After": _RETRY_SECONDS} if self.status is HTTPStatus.SERVICE_UNAVAILABLE else {}

    def body(self) -> dict[str, Any]:
        """Return the members of the problem as RFC 9457 has them."""
        return {"type": "about:blank", "title": self.status.phrase, **self.facts()}

    def facts(self) -> dict[str, Any]:
        """Return the members that differ between two problems; `errors` has one entry per field."""
        facts: dict[str, Any] = {"status": self.status.value, "code": self.code, "detail": self.detail}
        return facts | {"errors": list(self.errors)} if self.errors else facts


_PROBLEMS: dict[type[Exception], tuple[HTTPStatus, str]] = {
    MalformedJson: (HTTPStatus.BAD_REQUEST, "malformed_json"),
    UnsupportedMediaType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
    InvalidLookup: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    UnknownCountry: (HTTPStatus.NOT_FOUND, "unknown_country"),
    NoSegment: (HTTPStatus.NOT_FOUND, "no_segment"),
    NoSupport: (HTTPStatus.NOT_FOUND, "no_support"),
    NoRoute: (HTTPStatus.NOT_FOUND, "not_found"),
    NoModel: (HTTPStatus.SERVICE_UNAVAILABLE, "no_model"),
    CatalogUnreachable: (HTTPStatus.SERVICE_UNAVAILABLE, "catalog_unreachable"),
}


def problem_of(error: Exception) -> Problem:
    """Return how an error is answered; one that is nobody's fault but ours says nothing of itself."""
    if type(error) not in _PROBLEMS:
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the request could not be answered; it was logged"
        )
    status, code = _PROBLEMS[type(error)]
    fields = error.problems if isinstance(error, InvalidLookup) else []
    return Problem(status, code, str(error), tuple({"field": p.field, "detail": p.detail} for p in fields))
