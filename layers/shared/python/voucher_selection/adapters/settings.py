"""The functions' settings: read from the environment, checked when a function starts."""

import os
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Json, PositiveFloat, PositiveInt, ValidationError

from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.contract.api import Auth
from voucher_selection.contract.limits import LEAST_KEPT_VERSIONS
from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.contract.runs import Overlap
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate, NullDates
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.gate import Thresholds
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.time_zones import TimeZone
from voucher_selection.domain.validation import describe

OptionalText = Annotated[str | None, BeforeValidator(lambda text: text or None)]

OptionalDate = Annotated[IsoDate | None, BeforeValidator(lambda text: text or None)]


class EnvironmentSettings(BaseModel):
    """Settings that a function reads from its environment.

    A field `cur_date` is the environment variable `CUR_DATE`. Most fields are settings of the stage, which
    docs/reference/settings.md describes; the classes here describe the others. No field has a default: the stack sets
    every variable, and has the defaults.
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


class Settings(EnvironmentSettings):
    """Settings of a function that uses the lake: the name of its bucket."""

    bucket: str


class WatchSettings(EnvironmentSettings):
    """Settings of Watch.

    Attributes
    ----------
    table
        The name of the catalog's table.
    health_url
        The public address that Watch asks; None: it asks none.
    health_timeout_seconds
        How long Watch waits for the answer.
    """

    table: str
    health_url: OptionalText
    health_timeout_seconds: PositiveFloat


class CleanSettings(Settings):
    """Settings of Clean."""

    batch_rows: PositiveInt


class CatalogSettings(Settings):
    """Settings of a function that uses the catalog: the name of its table."""

    table: str


class LookupSettings(CatalogSettings):
    """Settings of a function that answers lookups, or plans many of them."""

    fallback: FallbackTo
    least_support: PositiveInt

    @property
    def default_fallback(self) -> Fallback:
        """The fallback of lookups that name none."""
        return Fallback(self.fallback, self.least_support)


class IngestSettings(LookupSettings):
    """Settings of Ingest.

    Attributes
    ----------
    segments
        Segment definitions as JSON text; None uses the shipped ones.
    source_timeout_seconds
        How long a file from HTTPS may take to arrive.
    """

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
    shards_per_merge: PositiveInt

    @property
    def https_limits(self) -> HttpsLimits:
        """What may be fetched from HTTPS."""
        return HttpsLimits(
            self.source_hosts, self.source_private_addresses, self.source_max_bytes, self.source_timeout_seconds
        )


class AssignSettings(CatalogSettings):
    """Settings of Assign."""

    batch_rows: PositiveInt


class WhatIfSettings(CatalogSettings):
    """Settings of WhatIf. If `cur_date` is None, it is the day of the question, in the time zone of the counts."""

    cur_date: OptionalDate


class ModelSettings(CatalogSettings):
    """Settings of Model.

    Attributes
    ----------
    cur_date
        The date of a remodel that names none; None is the day it starts, in the time zone of its counts.
    gate
        The thresholds of the quality gate; a run may name others.
    """

    cur_date: OptionalDate
    kept_versions: Annotated[int, Field(ge=LEAST_KEPT_VERSIONS)]
    version_days: PositiveInt
    gate: Json[Thresholds]

    @property
    def retention(self) -> Retention:
        """Which versions are kept for a rollback."""
        return Retention(self.kept_versions, self.version_days)


class InboxSettings(CatalogSettings):
    """Settings of Inbox.

    Attributes
    ----------
    inbox_overlap
        What an append does with days that are counted already.
    """

    inbox_overlap: Overlap


class ApiSettings(LookupSettings):
    """Settings of the API.

    Attributes
    ----------
    state_machine_arn
        The ARN of the pipeline's state machine.
    what_if_function
        The name of the function that computes what another date would change.
    auth
        Who may call the API: its document says so, API Gateway checks it.
    public_url
        The address of the API, with a slash at the end; None is the address that API Gateway names in a request.
    uploads_endpoint
        The address of S3 for browsers, where it is not AWS's: the functions of an emulator may know it by another name.
    """

    state_machine_arn: str
    what_if_function: str
    start_runs: Json[bool]
    upload_max_bytes: PositiveInt
    uploads_endpoint: OptionalText
    public_url: OptionalText
    model_refresh_seconds: Annotated[float, Field(ge=0)]
    auth: Auth
    cors_origins: Json[tuple[str, ...]]
