"""The functions' settings: read from the environment, checked when a function starts."""

import os
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, PositiveFloat, PositiveInt, ValidationError

from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.contract.api import Auth
from voucher_selection.contract.limits import LEAST_KEPT_VERSIONS
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate, NullDates
from voucher_selection.domain.gate import Thresholds
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.time_zones import TimeZone
from voucher_selection.domain.validation import describe

OptionalText = Annotated[str | None, BeforeValidator(lambda text: text or None)]

OptionalDate = Annotated[IsoDate | None, BeforeValidator(lambda text: text or None)]


class Settings(BaseModel):
    """Base of a function's settings; a field `cur_date` is the environment variable `CUR_DATE`.

    No field has a default. The stack sets every variable, and its settings are the one place for defaults.
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings. An empty variable is None where a setting may be None.

        Raises
        ------
        RuntimeError
            A variable is missing or invalid; the message names each.
        """
        given = {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise RuntimeError(f"the function's environment cannot be used: {'; '.join(describe(error))}") from error


class IngestSettings(Settings):
    """Settings of Ingest.

    Attributes
    ----------
    bucket
        The lake's bucket.
    table
        The catalog's table.
    countries
        Countries that a run keeps unless it names others.
    cur_date
        The date that days since the last order count up to; None: the day the run starts, in the time zone.
    time_zone
        What a day is, by the zone's IANA name.
    null_dates
        Placeholders: dates of a history that mean none, unless a run names others.
    segments
        Segment definitions as JSON text; None: those shipped.
    source_hosts
        HTTPS hosts that a history may be fetched from; `*` allows any.
    source_private_addresses
        Whether these may be in a private network.
    source_max_bytes, source_timeout_seconds
        How large a file from HTTPS may be, and how long it may take to come.
    shard_target_rows, shard_target_bytes
        The size of a shard, in rows and in compressed bytes of the columns read.
    """

    bucket: str
    table: str
    countries: Json[Countries]
    cur_date: OptionalDate
    time_zone: TimeZone
    null_dates: Json[NullDates]
    segments: OptionalText
    source_hosts: Json[tuple[str, ...]]
    source_private_addresses: Json[bool]
    source_max_bytes: PositiveInt
    source_timeout_seconds: PositiveFloat
    shard_target_rows: PositiveInt
    shard_target_bytes: PositiveInt

    @property
    def https_limits(self) -> HttpsLimits:
        """What may be fetched from HTTPS."""
        return HttpsLimits(
            self.source_hosts, self.source_private_addresses, self.source_max_bytes, self.source_timeout_seconds
        )


class CleanSettings(Settings):
    """Settings of Clean: the lake's bucket, and how many rows are in memory at a time."""

    bucket: str
    batch_rows: PositiveInt


class AssignSettings(Settings):
    """Settings of Assign: the lake's bucket, the catalog's table, and how many rows are in memory at a time."""

    bucket: str
    table: str
    batch_rows: PositiveInt


class ModelSettings(Settings):
    """Settings of Model.

    Attributes
    ----------
    bucket
        The lake's bucket.
    table
        The catalog's table.
    cur_date
        The date that a remodel counts up to unless it names another; None: the day it starts, in the time zone of
        its counts.
    kept_versions, version_days
        How many versions are kept for a rollback, and for how many days after they were replaced.
    gate
        The thresholds of the quality gate, unless a run names others.
    """

    bucket: str
    table: str
    cur_date: OptionalDate
    kept_versions: Annotated[int, Field(ge=LEAST_KEPT_VERSIONS)]
    version_days: PositiveInt
    gate: Json[Thresholds]

    @property
    def retention(self) -> Retention:
        """Which versions stay for a rollback."""
        return Retention(self.kept_versions, self.version_days)


class WhatIfSettings(Settings):
    """Settings of WhatIf: the lake's bucket, the catalog's table, and the date it counts up to unless asked otherwise.

    Without `cur_date` that is the day it is asked, in the time zone of the counts.
    """

    bucket: str
    table: str
    cur_date: OptionalDate


class ApiSettings(Settings):
    """Settings of the API.

    Attributes
    ----------
    table
        The catalog's table.
    model_refresh_seconds
        How old, in seconds, the knowledge of the served version may be.
    auth
        Who may call the API, as its document says it; API Gateway sees to it.
    cors_origins
        Origins whose pages may call the API; `*` is any.
    bucket
        The lake's bucket, for what runs have left of themselves.
    state_machine_arn
        The pipeline's state machine.
    what_if_function
        The name of the function that computes what another date would change.
    start_runs
        Whether whoever may call the API may start runs with it.
    public_url
        Where the API is reached, with a slash at the end; None: where API Gateway says that a request was sent.
    """

    table: str
    bucket: str
    state_machine_arn: str
    what_if_function: str
    start_runs: Json[bool]
    public_url: OptionalText
    model_refresh_seconds: Annotated[float, Field(ge=0)]
    auth: Auth
    cors_origins: Json[tuple[str, ...]]
