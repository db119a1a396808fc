"""Requests: the inputs of executions, one class for each kind of run."""

import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StringConstraints, ValidationError

from voucher_selection.contract.limits import MOST_CHARACTERS_OF_FILES, MOST_COUNTRIES, MOST_FILES, MOST_RANGES
from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.contract.runs import Overlap
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate, NullDates
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.formats import LARGEST_WHOLE
from voucher_selection.domain.gate import Thresholds
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.plans import HistoryMode, Unusable
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.s3_addresses import LONGEST_KEY
from voucher_selection.domain.segments import Name, SegmentDefinitions
from voucher_selection.domain.source_addresses import parse_source
from voucher_selection.domain.text_formats import CsvOptions
from voucher_selection.domain.validation import WITHOUT_CONTROLS, field_problems
from voucher_selection.domain.voucher_manifest import VoucherFormat
from voucher_selection.domain.windows import Window

# A signed https address may have a few thousand characters; an S3 key has at most 1,024 bytes.
_LONGEST_SOURCE = 8_192

# Step Functions limits the input of a state to 256 KiB, together with the cause of a failure.
LONGEST_REQUEST = 200_000


def _not_too_many(countries: tuple[str, ...]) -> tuple[str, ...]:
    if len(countries) > MOST_COUNTRIES:
        raise ValueError(f"expected at most {MOST_COUNTRIES} countries, got {len(countries):,}")
    return countries


# Only requests have this limit: an earlier run may have more countries, and is still read.
AskedCountries = Annotated[Countries, AfterValidator(_not_too_many)]


def _check_length(request: object) -> None:
    try:
        length = len(json.dumps(request, default=str))
    except (RecursionError, ValueError) as error:
        raise InvalidRequest(f"the run's input cannot be read: {error}") from error
    if length > LONGEST_REQUEST:
        raise InvalidRequest(
            f"expected at most {LONGEST_REQUEST:,} characters of JSON as the run's input, got {length:,}: name fewer"
            " countries or segments"
        )


Source = Annotated[
    str,
    StringConstraints(max_length=_LONGEST_SOURCE, strip_whitespace=True),
    WITHOUT_CONTROLS,
    AfterValidator(lambda source: str(parse_source(source))),
]


AskedWindow = Annotated[
    Window | None, Field(description="Days of assignment: two dates, a number of days up to CUR_DATE, or `all`")
]


AskedCsv = Annotated[
    CsvOptions | None, Field(description="How CSV files are written, where that is not found out or not as usual")
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, request: object) -> Self:
        """Read an execution's input.

        Raises
        ------
        InvalidRequest
            Names every unknown or missing key and every invalid value; or the input is too long.
        """
        _check_length(request)
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            known, problems = ", ".join(cls.model_fields), list(field_problems(error))
            said = "; ".join(map(str, problems))
            raise InvalidRequest(f"the run's input is invalid: {said} (known keys: {known})", problems) from error


def _not_too_long(names: tuple[str, ...]) -> tuple[str, ...]:
    if (length := sum(map(len, names))) > MOST_CHARACTERS_OF_FILES:
        raise ValueError(f"expected names of at most {MOST_CHARACTERS_OF_FILES:,} characters together, got {length:,}")
    return names


AskedFiles = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY), WITHOUT_CONTROLS], ...],
    Field(min_length=1, max_length=MOST_FILES, description="Names below the source's folder: only these are read"),
    AfterValidator(_not_too_long),
]


class HistoryRequest(_Request):
    """A run over a history: its `source`, and settings of the deployment that this run replaces.

    `files` are the names of the only files to read, as they are below the folder `source` in S3; those that are no
    longer there are not missed. `unusable` says what happens if a file cannot be used: the run fails (`refuse`), or the
    file is left out of the run (`leave_out`), whose record then names it.
    """

    source: Source
    mode: HistoryMode
    countries: AskedCountries | None = None
    cur_date: IsoDate | None = None
    null_dates: NullDates | None = None
    csv: AskedCsv = None
    gate: Thresholds | None = None
    window: AskedWindow = None
    files: AskedFiles | None = None
    unusable: Unusable = "refuse"


class FullRequest(HistoryRequest):
    """Make a model from a whole history. The request may replace settings of the deployment for this run.

    `window` has the days of assignment to make the model from; without one, all days.

    `null_dates` are placeholders: dates in the history that mean "no date". `gate` has the thresholds of the quality
    gate that this run replaces.
    """

    mode: Literal["full"] = "full"


class AppendRequest(HistoryRequest):
    """Add new history to the counts of the served model; `countries`, if given, must be those of the counts.

    `null_dates` are the placeholders of the new history; `gate` is as in a full run. Without a `window`, that of the
    served model stays. `overlap` says what happens if a country's day of the new history is counted already: the run is
    held back (`refuse`), its rows are added (`add`), or they take the place of the day's old ones (`replace`).
    """

    mode: Literal["append"]
    overlap: Overlap = "refuse"


class WhatIfRequest(_Request):
    """Make a model from existing counts: those of `run_id`, or else those of the served model.

    `window` has the days of assignment to make it from. Without one, the window of the served model stays.
    """

    cur_date: IsoDate | None = None
    window: AskedWindow = None
    segments: SegmentDefinitions | None = None
    run_id: RunId | None = None


class BestRangesRequest(_Request):
    """Find the ranges of a measure that agree with the most assignments, for each number of ranges up to a largest.

    `countries` are some of those of the counts; without them, all. The counts are those of `run_id`, or else those of
    the served model; `window` and `cur_date` are as in a what-if.
    """

    measure: Measure
    countries: AskedCountries | None = None
    most_ranges: Annotated[int, Field(ge=1, le=MOST_RANGES, strict=True)] = MOST_RANGES
    least_support: Annotated[int, Field(ge=1, strict=True, description="The least assignments of a range")] = 1
    name: Annotated[Name | None, Field(description="The segmentation's name; default: `best_` and the measure")] = None
    cur_date: IsoDate | None = None
    window: AskedWindow = None
    run_id: RunId | None = None


class RemodelRequest(WhatIfRequest):
    """Make a model from existing counts and publish it; if `publish` is false, the run only reports the model.

    `scheduled` is for the daily refresh: a run that is held back then does not count as failed, so that the same reason
    is not announced every night.
    """

    mode: Literal["remodel"]
    publish: bool = True
    gate: Thresholds | None = None
    scheduled: bool = False


class ApproveRequest(_Request):
    """Publish the model of `run_id`, which was held back, without changes.

    If it was held back because days of it are counted already, `overlap` says what to do with them.
    """

    mode: Literal["approve"]
    run_id: RunId
    overlap: Literal["add", "replace"] | None = None


class AssignRequest(_Request):
    """Assign amounts of the served model to the customers of files; without `segment_name`, each row names one.

    `fallback` and `least_support` are for all customers, as in a lookup; without them, those of the stage. The amounts
    are written as `format` says.
    """

    mode: Literal["assign"]
    customers: Source
    segment_name: Annotated[str, StringConstraints(min_length=1, max_length=128), WITHOUT_CONTROLS] | None = None
    fallback: FallbackTo | None = None
    least_support: Annotated[StrictInt, Field(ge=1, le=LARGEST_WHOLE)] | None = None
    csv: AskedCsv = None
    format: Annotated[VoucherFormat, Field(description="That of the files that the run writes")] = "parquet"


class RollbackRequest(_Request):
    """Serve a kept version again, older or newer; without `version`, the version served before."""

    mode: Literal["rollback"]
    version: Annotated[str, StringConstraints(min_length=1, max_length=128), WITHOUT_CONTROLS] | None = None


type RunRequest = FullRequest | AppendRequest | RemodelRequest | AssignRequest | RollbackRequest | ApproveRequest
