"""Errors of the API as problem details (RFC 9457), each with a stable `code` beside the standard members."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, NamedTuple, NotRequired, TypedDict

from pydantic import Field

from voucher_selection.api.model_cache import CatalogUnreachable
from voucher_selection.contract.api import BODY_TOO_LARGE, METHOD_NOT_ALLOWED
from voucher_selection.domain import errors
from voucher_selection.domain.lookups import CODES, InvalidLookup

CONTENT_TYPE = "application/problem+json"
_RETRY = {"Retry-After": "5"}
# So long Lambda may take to wake a function that nobody used for weeks.
_RETRY_WHEN_AWAKE = {"Retry-After": "60"}


class MalformedJson(Exception):
    """The request's body is not JSON."""


class MalformedBody(Exception):
    """The request's body is not text, or a form with too many fields."""


class BodyTooLarge(Exception):
    """The request's body has more bytes than the API reads."""


class UnsupportedMediaType(Exception):
    """The request's body has a type that the route does not read."""


class NoRoute(Exception):
    """The path does not exist."""


class MethodNotAllowed(Exception):
    """The path exists, but not with this method; `allowed` are its methods."""

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{path} accepts {', '.join(allowed)}, not {method}")
        self.allowed = allowed


class RunsNotStarted(Exception):
    """The stage does not start runs through its API."""


class CrossSite(Exception):
    """A browser sent the request from a page of another site."""


class WhatIfBusy(errors.VoucherSelectionError):
    """The WhatIf function is asleep or busy, or Lambda does not answer: the same question is answered later."""


class FieldError(TypedDict):
    """An invalid field, and why it is invalid."""

    field: Annotated[str, Field(description="Its path with dots; empty for the whole body")]
    detail: str


class ProblemFacts(TypedDict):
    """The members that differ between problems."""

    status: Annotated[int, Field(description="The HTTP status")]
    code: Annotated[str, Field(description="The problem for programs; it does not change between versions")]
    detail: Annotated[str, Field(description="The problem for people")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="One entry per invalid field")]]


class ProblemBody(ProblemFacts):
    """A problem with all members of RFC 9457."""

    type: Annotated[str, Field(description="`about:blank`: the title is the status in words")]
    title: str


class Problem(NamedTuple):
    """The answer to an error: status, code, detail, errors by field, and headers."""

    status: HTTPStatus
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = MappingProxyType({})

    def body(self) -> ProblemBody:
        """Return all members of the problem."""
        return {"type": "about:blank", "title": self.status.phrase, **self.facts()}

    def facts(self) -> ProblemFacts:
        """Return the members that differ between problems."""
        facts: ProblemFacts = {"status": self.status.value, "code": self.code, "detail": self.detail}
        if self.errors:
            facts["errors"] = list(self.errors)
        return facts


PROBLEMS: Mapping[type[Exception], tuple[HTTPStatus, str]] = {
    MalformedJson: (HTTPStatus.BAD_REQUEST, "malformed_json"),
    MalformedBody: (HTTPStatus.BAD_REQUEST, "malformed_body"),
    BodyTooLarge: BODY_TOO_LARGE,
    UnsupportedMediaType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
    InvalidLookup: (HTTPStatus.UNPROCESSABLE_ENTITY, CODES[InvalidLookup]),
    errors.UnknownCountry: (HTTPStatus.NOT_FOUND, CODES[errors.UnknownCountry]),
    errors.NoSegment: (HTTPStatus.NOT_FOUND, CODES[errors.NoSegment]),
    errors.NoSupport: (HTTPStatus.NOT_FOUND, CODES[errors.NoSupport]),
    errors.InvalidRequest: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_run"),
    errors.InvalidUpload: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_upload"),
    errors.NoCounts: (HTTPStatus.NOT_FOUND, "no_counts"),
    errors.OldCounts: (HTTPStatus.CONFLICT, "old_counts"),
    errors.TooFine: (HTTPStatus.UNPROCESSABLE_ENTITY, "too_fine"),
    errors.TooLittleSupport: (HTTPStatus.UNPROCESSABLE_ENTITY, "too_little_support"),
    errors.EmptyWindow: (HTTPStatus.UNPROCESSABLE_ENTITY, "empty_window"),
    errors.TooManyAmounts: (HTTPStatus.UNPROCESSABLE_ENTITY, "too_many_amounts"),
    errors.ModelTooLarge: (HTTPStatus.UNPROCESSABLE_ENTITY, "model_too_large"),
    errors.ObjectAltered: (HTTPStatus.CONFLICT, "counts_altered"),
    errors.ObjectMissing: (HTTPStatus.CONFLICT, "counts_missing"),
    errors.LakeUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "lake_unavailable"),
    WhatIfBusy: (HTTPStatus.SERVICE_UNAVAILABLE, "what_if_busy"),
    errors.NoRun: (HTTPStatus.NOT_FOUND, "no_run"),
    errors.NoVersion: (HTTPStatus.NOT_FOUND, "no_version"),
    RunsNotStarted: (HTTPStatus.FORBIDDEN, "runs_not_started"),
    CrossSite: (HTTPStatus.FORBIDDEN, "cross_site"),
    NoRoute: (HTTPStatus.NOT_FOUND, "not_found"),
    MethodNotAllowed: METHOD_NOT_ALLOWED,
    errors.NoModel: (HTTPStatus.SERVICE_UNAVAILABLE, "no_model"),
    CatalogUnreachable: (HTTPStatus.SERVICE_UNAVAILABLE, "catalog_unreachable"),
    errors.UnreadableItem: (HTTPStatus.SERVICE_UNAVAILABLE, "unreadable_item"),
    errors.CatalogUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "catalog_unreachable"),
}
"""The status and the code of every error that is not our fault."""

OUR_FAULT = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the request could not be answered; it was logged"
)


def problem_of(error: Exception) -> Problem:
    """Return the answer to an error; the answer to an error of ours has no details."""
    if type(error) not in PROBLEMS:
        return OUR_FAULT
    status, code = PROBLEMS[type(error)]
    fields = error.problems if isinstance(error, InvalidLookup | errors.InvalidRequest | errors.InvalidUpload) else []
    by_field = tuple(FieldError(field=p.field, detail=p.detail) for p in fields)
    return Problem(status, code, str(error), by_field, _headers(error, status))


def _headers(error: Exception, status: HTTPStatus) -> Mapping[str, str]:
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, WhatIfBusy):
        return _RETRY_WHEN_AWAKE
    return _RETRY if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
