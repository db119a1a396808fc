"""What is asked of a run: the input of an execution, one model for each mode."""

import json
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from voucher_selection.contract.limits import MOST_COUNTRIES
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.gate import Thresholds
from voucher_selection.domain.https_addresses import parse_https
from voucher_selection.domain.runs import IsoDate, NullDates, RunId
from voucher_selection.domain.s3_addresses import is_s3, parse_s3, shown
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.validation import WITHOUT_CONTROLS, field_problems

# A signed address may have a few thousand characters; S3's keys have 1,024 bytes.
_LONGEST_SOURCE = 8_192

# Step Functions gives an input to states, and keeps it beside the cause of a failure: 256 KiB in all.
LONGEST_REQUEST = 200_000
_EXPECTED = "expected s3://bucket/key, s3://bucket/folder/ or https://host/path"
# What is not read, and what to do instead.
_HINTS = {
    r"http://": "what comes over http:// may have been changed on its way, so only https:// is read",
    r"file://|[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]": "a file of your machine cannot be read from here: give it to"
    " ./quickstart run --source, or put it into a bucket first, with aws s3 cp",
}


def _source_location(source: str) -> str:
    """Return the address of a source as it is written everywhere else: `s3://…` or `https://…`."""
    if is_s3(source):
        return str(parse_s3(source))
    scheme, separator, rest = source.partition("://")
    if separator and scheme.lower() == "https" and rest.strip("/"):
        parse_https(f"https://{rest}")
        return f"https://{rest}"
    hints = [hint for pattern, hint in _HINTS.items() if re.match(pattern, source, re.IGNORECASE)]
    before, at, after = source.rpartition("@")
    got = shown(f"{before.partition('//')[0]}//…@{after}" if at else source)  # without a password that may be in it
    raise ValueError(": ".join([f"{_EXPECTED}, got {got}", *hints]))


def _not_too_many(countries: tuple[str, ...]) -> tuple[str, ...]:
    if len(countries) > MOST_COUNTRIES:
        raise ValueError(f"expected at most {MOST_COUNTRIES} countries, got {len(countries):,}")
    return countries


# Of the countries of a run that there was, any number is read.
AskedCountries = Annotated[Countries, AfterValidator(_not_too_many)]


def _check_length(request: object) -> None:
    try:
        length = len(json.dumps(request, default=str))
    except (RecursionError, ValueError) as error:
        raise InvalidRequest(f"the run's input cannot be read: {error}") from error
    if length > LONGEST_REQUEST:
        raise InvalidRequest(
            f"the run's input has {length:,} characters of JSON, expected at most {LONGEST_REQUEST:,}: name fewer"
            " countries or segments"
        )


Source = Annotated[
    str,
    StringConstraints(max_length=_LONGEST_SOURCE, strip_whitespace=True),
    WITHOUT_CONTROLS,
    AfterValidator(_source_location),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, request: object) -> Self:
        """Read an execution's input.

        Raises
        ------
        InvalidRequest
            Names every key that is unknown or missing and every value that cannot be used; or the input is too long.
        """
        _check_length(request)
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            known, problems = ", ".join(cls.model_fields), list(field_problems(error))
            told = "; ".join(map(str, problems))
            raise InvalidRequest(f"the run's input cannot be used: {told} (its keys: {known})", problems) from error


class FullRequest(_Request):
    """A model from a whole history: where it is, and what differs from the deployment's settings for this run.

    `null_dates` are placeholders: dates of the history that mean none. `gate` has the thresholds of the quality gate
    that differ.
    """

    source: Source
    mode: Literal["full"] = "full"
    countries: AskedCountries | None = None
    cur_date: IsoDate | None = None
    null_dates: NullDates | None = None
    gate: Thresholds | None = None


class AppendRequest(_Request):
    """New history for the counts behind the served model; `countries`, if given, must be those of the counts.

    `null_dates` are those of the new history, as of a full run.
    """

    source: Source
    mode: Literal["append"]
    countries: AskedCountries | None = None
    cur_date: IsoDate | None = None
    null_dates: NullDates | None = None
    gate: Thresholds | None = None


class WhatIfRequest(_Request):
    """A model from counts that there are: those of `run_id`, or else those behind the served model."""

    cur_date: IsoDate | None = None
    segments: SegmentDefinitions | None = None
    run_id: RunId | None = None


class RemodelRequest(WhatIfRequest):
    """A model from counts that there are, to be published; with `publish` False it is only told what it would be."""

    mode: Literal["remodel"]
    publish: bool = True
    gate: Thresholds | None = None


class ApproveRequest(_Request):
    """Publish the model of `run_id` as it is, which the quality gate has held back."""

    mode: Literal["approve"]
    run_id: RunId


class AssignRequest(_Request):
    """Amounts of the served model for the customers of parquet files; without `segment_name` each row names its own."""

    mode: Literal["assign"]
    customers: Source
    segment_name: Annotated[str, StringConstraints(min_length=1, max_length=128), WITHOUT_CONTROLS] | None = None


class RollbackRequest(_Request):
    """Serve a version again that the catalog keeps, an older or a newer one; without `version`, the one before."""

    mode: Literal["rollback"]
    version: Annotated[str, StringConstraints(min_length=1, max_length=128), WITHOUT_CONTROLS] | None = None


type RunRequest = FullRequest | AppendRequest | RemodelRequest | AssignRequest | RollbackRequest | ApproveRequest

_BY_MODE: dict[object, type[RunRequest]] = {
    "full": FullRequest,
    "append": AppendRequest,
    "remodel": RemodelRequest,
    "assign": AssignRequest,
    "rollback": RollbackRequest,
    "approve": ApproveRequest,
}


def parse_request(request: object) -> RunRequest:
    """Read an execution's input as what its `mode` says; without one, it is a full run.

    Raises
    ------
    InvalidRequest
        Names the mode that there is not, or every key and value that cannot be used.
    """
    mode = request.get("mode", "full") if isinstance(request, dict) else "full"
    # Of the table's keys one by one: what was given for a mode need not be hashable.
    for known, kind in _BY_MODE.items():
        if mode == known:
            return kind.parse(request)
    raise InvalidRequest(f"mode: there is no mode {str(mode)[:80]!r}, only {', '.join(map(str, _BY_MODE))}")
