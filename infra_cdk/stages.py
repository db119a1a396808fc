"""The settings of a deployment: each is declared here, once, with its defaults for the stages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from layers.build.platforms import Architecture, host_architecture
from voucher_selection.contract.functions import API, FUNCTIONS, WHAT_IF
from voucher_selection.contract.limits import LEAST_KEPT_VERSIONS, MOST_COUNTRIES, MOST_NULL_DATES, NO_ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from voucher_selection.contract.api import Auth

type StageName = Literal["local", "dev", "prod"]
type Packaging = Literal["bundle", "layers"]
type Wheels = Literal["host", "lambda"]
type Removal = Literal["destroy", "retain"]
type LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOCAL_ENDPOINT = "https://localhost:4566"
LOCAL_API_ID = "voucher"


class StageError(ValueError):
    """A stage or a setting is not valid; the message says what is allowed."""


class UnmatchedSettingError(StageError):
    """Two settings are each valid, but not together."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Every setting of a deployment. The defaults here are those of the AWS stages.

    Attributes
    ----------
    name
        The stage, which is also the API's.
    countries
        Countries whose assignments count, as the history names them; at most 300.
    cur_date
        The date up to which days since the last order are counted; None is the day of the run, in `time_zone`.
    time_zone
        The time zone whose days count, by its IANA name, like `Europe/Riga`. A time with an offset, in a history or a
        lookup, is converted to this zone. A date, or a time without an offset, is read as one of this zone. A model's
        whole history has one zone: an append to counts of another zone is refused.
    null_dates
        Placeholders in the history: dates like 1900-01-01 that mean "no order", unless a run names others.
    refresh_schedule
        When the model is made again for the day's date, as an EventBridge expression in UTC; empty is never. Where
        cur_date is set, no refresh is needed. West of Greenwich a day begins later than in UTC: half past midnight in
        Lima is `cron(30 5 * * ? *)`.
    segments_file
        JSON file of segment definitions; None uses the shipped ones.
    source_hosts
        HTTPS hosts from which Ingest may fetch a history; `*` is any.
    source_private_addresses
        Whether such a host may be in a private network, like a server in the functions' VPC.
    source_max_bytes
        The most bytes that a file from HTTPS may have. At 20 MB per second, about this many come in
        `source_timeout_seconds`. S3 copies larger files from a bucket itself.
    source_buckets
        Buckets that Ingest may read besides the deployment's own.
    auth
        Who may call the API: anyone (`none`), holders of an API key, or, with signed requests, the identities of AWS
        whose policy allows it (`iam`).
    start_runs
        Whether callers of the API may start runs and roll versions back. On AWS this needs a key or signatures.
    cors_origins
        Origins whose pages may call the API, like `https://campaigns.example`; `*` is any.
    rate_limit
        Requests per second that the API takes in the long run.
    burst_limit
        Requests that the API takes at once.
    quota_per_day
        Requests that an API key has per day; 0 is any number.
    waf
        Whether a web application firewall protects the API: AWS's common rules, known bad inputs, and
        `waf_rate_limit`.
    waf_rate_limit
        Requests of one address in five minutes after which the firewall refuses more.
    domain_name
        The API's own domain, which closes API Gateway's domain; empty uses API Gateway's.
    certificate_arn
        The domain's certificate in ACM, in the region of the stack.
    hosted_zone_id
        The zone of Route 53 that gets a record of the domain; empty leaves the record to its owner.
    model_refresh_seconds
        How long the API serves a model before it looks for a newer one.
    shard_target_rows
        The most rows that a shard has, unless one row group has more.
    shard_target_bytes
        The most compressed bytes that a shard has, unless one row group has more.
    batch_rows
        Rows that Clean or Assign holds in memory at a time.
    max_concurrency
        Shards that are processed at once.
    kept_versions
        Versions of the model that are kept for a rollback, including the served one.
    version_days
        Days after which a version expires once a newer one was published; the served one never expires.
    most_malformed_share
        The share of the rows of a run's countries that may be malformed if its model is to be published. This and the
        next four are the thresholds of the quality gate; None is no limit.
    most_rejected_rise
        By how much the share of rows that a rule rejects may be higher than for the served model.
    least_kept_rows
        How many rows must be kept.
    most_lost_segments
        How many segments of the served model may have lost all support.
    least_support_of_change
        The support that a segment must have if its amount is to change.
    ingest_memory_mb, clean_memory_mb, assign_memory_mb, model_memory_mb, what_if_memory_mb, api_memory_mb
        Memory of the function, in MB; its share of CPU grows with it.
    ingest_timeout_seconds, model_timeout_seconds
        How long the function may take, at most 900.
    clean_timeout_seconds, assign_timeout_seconds
        How long the function may take for one shard, at most 900.
    what_if_timeout_seconds
        How long WhatIf may take. The API waits for it and should have a second more.
    api_timeout_seconds
        How long the API may take; API Gateway gives up after 29.
    clean_disk_mb
        Disk of Clean, in MB. It holds a shard's cleaned and rejected rows, compressed, until they are uploaded.
    run_timeout_seconds
        How long a whole run may take.
    raw_days
        Days after which landed sources are deleted.
    staging_days
        Days after which cleaned rows and the counts of shards are deleted.
    quarantine_days
        Days after which rejected rows are deleted.
    noncurrent_days
        Days that a replaced or deleted object can be restored. Production objects never expire.
    log_days
        Days that logs are kept; one of `LOG_PERIODS`.
    log_level
        Level of the functions' logs.
    tracing
        Whether X-Ray traces requests and runs.
    monitoring
        Whether the stack has a dashboard, alarms with their topic, and saved queries over the logs.
    alarm_email
        Who gets an email when an alarm changes or a run fails; empty is nobody.
    most_model_age_hours
        Hours since the last publication after which an alarm is raised, at most 168 (a week); None has no such alarm,
        for a stage whose model is not made every day.
    execution_logs
        Whether Step Functions and API Gateway write logs of their own to CloudWatch.
    packaging
        Functions that carry their dependencies (`bundle`), or functions with layers.
    architecture
        The processor that the functions run on.
    wheels
        Whether the functions run in Lambda or a Lambda container, or as processes of this machine (`host`).
    kms_key
        ARN of the customer-managed key that encrypts the bucket, the table, the topics, the log groups and the
        functions' environments; empty uses AWS's own keys.
    permissions_boundary
        ARN or name of the managed policy that bounds every role; empty is none.
    subnet_ids
        Subnets that the functions run in; empty is outside of any VPC.
    security_group_ids
        Security groups of the functions in these subnets.
    removal
        What happens to the bucket and the table when the stack is deleted.
    public_endpoint
        The emulator's address; empty on AWS.
    given
        The names of the settings that the deployment names; all others have the stage's defaults.
    """

    name: StageName
    countries: tuple[str, ...] = ("Peru",)
    cur_date: date | None = None
    time_zone: str = "UTC"
    null_dates: tuple[date, ...] = ()
    refresh_schedule: str = "cron(30 0 * * ? *)"
    segments_file: Path | None = None
    source_hosts: tuple[str, ...] = ()
    source_private_addresses: bool = False
    source_max_bytes: int = 10 * 1024**3
    source_buckets: tuple[str, ...] = ()
    auth: Auth = "api_key"
    start_runs: bool = False
    cors_origins: tuple[str, ...] = ()
    rate_limit: float = 100
    burst_limit: int = 200
    quota_per_day: int = 0
    waf: bool = False
    waf_rate_limit: int = 30_000
    domain_name: str = ""
    certificate_arn: str = ""
    hosted_zone_id: str = ""
    model_refresh_seconds: float = 5
    shard_target_rows: int = 5_000_000
    shard_target_bytes: int = 128 * 1024 * 1024
    batch_rows: int = 131_072
    max_concurrency: int = 40
    kept_versions: int = 10
    version_days: int = 365
    most_malformed_share: float | None = 0.05
    most_rejected_rise: float | None = 0.1
    least_kept_rows: int | None = 1
    most_lost_segments: int | None = 2
    least_support_of_change: int | None = 10
    ingest_memory_mb: int = 1024
    ingest_timeout_seconds: int = 600
    clean_memory_mb: int = 1792
    clean_disk_mb: int = 2048
    clean_timeout_seconds: int = 300
    assign_memory_mb: int = 1792
    assign_timeout_seconds: int = 300
    model_memory_mb: int = 1024
    model_timeout_seconds: int = 300
    what_if_memory_mb: int = 1024
    what_if_timeout_seconds: int = 20
    api_memory_mb: int = 512
    api_timeout_seconds: int = 22
    run_timeout_seconds: int = 6 * 60 * 60
    raw_days: int = 90
    staging_days: int = 30
    quarantine_days: int = 90
    noncurrent_days: int = 30
    log_days: int = 30
    log_level: LogLevel = "INFO"
    tracing: bool = True
    monitoring: bool = True
    alarm_email: str = ""
    most_model_age_hours: int | None = 26
    execution_logs: bool = True
    packaging: Packaging = "layers"
    architecture: Architecture = "arm64"
    wheels: Wheels = "lambda"
    kms_key: str = ""
    permissions_boundary: str = ""
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    removal: Removal = "destroy"
    public_endpoint: str = ""
    given: frozenset[str] = field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        """Refuse values that would fail halfway through a deployment, or in every run."""
        if not self.countries:
            raise StageError("countries: expected at least one country, e.g. countries=Peru,Latvia")
        if len(self.countries) > MOST_COUNTRIES:
            raise StageError(f"countries: expected at most {MOST_COUNTRIES} countries, got {len(self.countries):,}")
        self._check_days()
        self._check_numbers()
        self._check_addresses()
        self._check_names()
        if self.refresh_schedule and not re.fullmatch(r"(cron|rate)\([^()]+\)", self.refresh_schedule):
            raise StageError(
                f"refresh_schedule: expected like cron(30 0 * * ? *), or nothing, got {self.refresh_schedule!r}"
            )
        # last: an invalid value is reported before one that lacks another
        self._check_belonging()

    def _check_days(self) -> None:
        """Refuse a time zone that the functions would not know, and too many placeholders."""
        if self.time_zone != "UTC" and self.time_zone not in available_timezones() - {*NO_ZONES}:
            missing = "" if available_timezones() else "; this machine has no such database: install tzdata"
            raise StageError(
                f"time_zone: expected a zone of the IANA database like Europe/Riga, got {self.time_zone!r}{missing}"
            )
        if len(self.null_dates) > MOST_NULL_DATES:
            raise StageError(f"null_dates: expected at most {MOST_NULL_DATES} dates, got {len(self.null_dates)}")

    def _check_numbers(self) -> None:
        for setting, (least, most) in _RANGES.items():
            value = getattr(self, setting)
            if value is not None and not least <= value <= most:
                raise StageError(f"{setting}: expected {least} to {most}, got {value}")
        if self.log_days not in LOG_PERIODS:
            raise StageError(f"log_days: expected one of {', '.join(map(str, LOG_PERIODS))}, got {self.log_days}")

    def _check_addresses(self) -> None:
        for setting, (pattern, expected) in _ADDRESSES.items():
            for value in getattr(self, setting):
                if value != "*" and not re.fullmatch(pattern, value):
                    raise StageError(f"{setting}: expected {expected}, or *, got {value!r}")
        endpoint = urlsplit(self.public_endpoint)
        if self.public_endpoint and (endpoint.scheme not in {"http", "https"} or not endpoint.netloc):
            raise StageError(f"endpoint: expected an address like {LOCAL_ENDPOINT}, got {self.public_endpoint!r}")

    def _check_names(self) -> None:
        for setting, (pattern, expected) in _NAMES.items():
            given = getattr(self, setting)
            for value in (given,) if isinstance(given, str) else given:
                if value and not re.fullmatch(pattern, value):
                    raise StageError(f"{setting}: expected {expected}, got {value!r}")

    def _check_belonging(self) -> None:
        """Refuse a setting without the one that it needs, and in the emulator one that needs AWS."""
        if self.is_local:
            self._check_emulated()
        elif self.start_runs and self.auth == "none":
            raise UnmatchedSettingError("start_runs: anyone could start runs where auth is none; set auth=api_key")
        for setting, needed in _NEEDS.items():
            if getattr(self, setting) and not getattr(self, needed):
                raise UnmatchedSettingError(f"{setting}: expected {needed} with it; set both, or neither")
        if self.quota_per_day and self.auth != "api_key":
            raise UnmatchedSettingError(
                f"quota_per_day: a quota is counted by API key, and auth is {self.auth}; set auth=api_key"
            )

    def _check_emulated(self) -> None:
        if self.auth == "iam":
            raise StageError("auth: the emulator checks no signatures; expected none or api_key, got 'iam'")
        for setting in _ON_AWS_ONLY:
            if getattr(self, setting):
                raise StageError(f"{setting}: the emulator has nothing of the kind; set it on dev or prod only")

    @property
    def is_local(self) -> bool:
        """Whether the stage runs in the emulator."""
        return self.name == "local"

    @property
    def local_api_url(self) -> str:
        """The address of the API in the emulator, with a slash at the end; empty on AWS: API Gateway makes one."""
        if not self.is_local:
            return ""
        return f"{self.public_endpoint.rstrip('/')}/_aws/execute-api/{LOCAL_API_ID}/{self.name}/"

    @property
    def gate(self) -> dict[str, float | None]:
        """The thresholds of the quality gate, by name."""
        return {name: getattr(self, name) for name in _GATE}

    @property
    def source_timeout_seconds(self) -> float:
        """How long a file from HTTPS may take: Ingest must give up before Lambda ends it."""
        return self.ingest_timeout_seconds * _FETCHING

    @property
    def refreshes(self) -> bool:
        """Whether the model is made again on a schedule."""
        return self.cur_date is None and bool(self.refresh_schedule)

    @property
    def segments(self) -> str:
        """The segment definitions as JSON text; empty for the shipped ones.

        Raises
        ------
        StageError
            The file cannot be read, is not JSON, or does not fit into a function's environment.
        """
        if self.segments_file is None:
            return ""
        try:
            text = json.dumps(json.loads(self.segments_file.read_text(encoding="utf-8-sig")), separators=(",", ":"))
        except (OSError, ValueError) as error:
            raise StageError(f"segments_file: {self.segments_file} cannot be used: {error}") from error
        if len(text) > _MOST_SEGMENTS_BYTES:
            raise StageError(
                f"segments_file: {self.segments_file} has {len(text):,} bytes without blanks; a function's environment "
                f"takes {_MOST_SEGMENTS_BYTES:,}. Define fewer segments, or shorten their names"
            )
        return text


SETTINGS = tuple(each for each in fields(Stage) if each.name not in {"name", "given"})
"""What can be set, in the order of the declaration."""

_ADDRESSES: Mapping[str, tuple[str, str]] = {
    "source_hosts": (r"[a-z0-9.-]+", "host names like files.example.com"),
    "cors_origins": (r"https?://[a-z0-9.-]+(:\d{1,5})?", "origins like https://campaigns.example"),
}
"""The settings that are lists of addresses, or `*` for any: the pattern of an address, and an example."""

_FETCHING = 0.9
"""The share of its time that Ingest may wait for a file; the rest is for the footer and the plan."""

_MOST_UPLOADED_BYTES = 10_000 * 8 * 1024**2
"""S3 takes 10,000 parts of an object; boto3 makes parts of 8 MiB if it does not know the whole size."""

_GATE = (
    "most_malformed_share",
    "most_rejected_rise",
    "least_kept_rows",
    "most_lost_segments",
    "least_support_of_change",
)

_NAMES: Mapping[str, tuple[str, str]] = {
    "kms_key": (
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
        "a key's ARN like arn:aws:kms:eu-west-1:123456789012:key/1234abcd-…",
    ),
    "permissions_boundary": (
        r"[\w+=,.@-]{1,128}|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+",
        "a managed policy's name or ARN",
    ),
    "subnet_ids": (r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "subnets like subnet-0123456789abcdef0"),
    "security_group_ids": (r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "security groups like sg-0123456789abcdef0"),
    "domain_name": (r"([a-z0-9-]+\.)+[a-z]{2,}", "a domain like vouchers.example.com"),
    "certificate_arn": (
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+",
        "a certificate's ARN like arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-…",
    ),
    "hosted_zone_id": (r"Z[A-Z0-9]+", "a zone's id like Z0123456789ABCDEFGHIJ"),
    "alarm_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address like on-call@example.com"),
}
"""The settings that name something that exists before the stack: the pattern of the name, and an example."""

_NEEDS = {
    "domain_name": "certificate_arn",
    "certificate_arn": "domain_name",
    "hosted_zone_id": "domain_name",
    "subnet_ids": "security_group_ids",
    "security_group_ids": "subnet_ids",
    "alarm_email": "monitoring",
}
"""The settings that need another one."""

_ON_AWS_ONLY = ("kms_key", "permissions_boundary", "subnet_ids", "waf", "domain_name")

LOG_PERIODS = (1, 7, 14, 30, 90, 180, 365)
"""How long logs can be kept, in days: some of CloudWatch's periods."""

_MOST_SEGMENTS_BYTES = 3_000
"""Lambda takes 4 KB of environment variables; the other variables need less than a quarter of it."""

_LAMBDA_MEMORY_MB = (128, 10_240)
_LAMBDA_DISK_MB = (512, 10_240)
_LAMBDA_TIMEOUT_SECONDS = (1, 900)
_API_GATEWAY_TIMEOUT_SECONDS = (1, 29)
_DAYS = (1, 36_500)
_COUNT = (1, 2**31)

_RANGES: Mapping[str, tuple[float, float]] = {
    "rate_limit": (1, 10_000),
    "burst_limit": (1, 5_000),
    "most_model_age_hours": (1, 7 * 24),
    "quota_per_day": (0, 2**31 - 1),
    "waf_rate_limit": (10, 2_000_000_000),
    "source_max_bytes": (1, _MOST_UPLOADED_BYTES),
    "model_refresh_seconds": (0, 86_400),
    "shard_target_rows": _COUNT,
    "shard_target_bytes": _COUNT,
    "batch_rows": _COUNT,
    "max_concurrency": (1, 10_000),
    "kept_versions": (LEAST_KEPT_VERSIONS, 1_000),
    "most_malformed_share": (0, 1),
    "most_rejected_rise": (0, 1),
    "least_kept_rows": _COUNT,
    "most_lost_segments": (0, 2**31),
    "least_support_of_change": _COUNT,
    **{f"{function}_memory_mb": _LAMBDA_MEMORY_MB for function in FUNCTIONS},
    **{f"{function}_timeout_seconds": _LAMBDA_TIMEOUT_SECONDS for function in FUNCTIONS},
    **{f"{function}_timeout_seconds": _API_GATEWAY_TIMEOUT_SECONDS for function in (WHAT_IF, API)},
    "clean_disk_mb": _LAMBDA_DISK_MB,
    "run_timeout_seconds": (60, 31_536_000),
    **dict.fromkeys(("version_days", "raw_days", "staging_days", "quarantine_days", "noncurrent_days"), _DAYS),
}


def stage(name: str, **settings: Any) -> Stage:  # noqa: ANN401 - the settings are checked by Stage
    """Return a stage with its defaults, except for these settings.

    Raises
    ------
    StageError
        The stage is unknown, or a setting is not valid.
    """
    match name:
        case "local":
            defaults: dict[str, Any] = {
                "cur_date": date(2018, 9, 15),  # the sample data is of 2018
                "refresh_schedule": "",
                "source_hosts": ("*",),
                "auth": "none",
                "start_runs": True,
                **dict.fromkeys(_GATE),  # a first trial should show its result
                "max_concurrency": 4,
                "model_refresh_seconds": 1,  # a first trial looks at once at what a run has changed
                "tracing": False,
                "monitoring": False,
                "execution_logs": False,
                "packaging": "bundle",
                "architecture": host_architecture(),
                "wheels": "host",
                "public_endpoint": LOCAL_ENDPOINT,
            }
        case "dev":
            defaults = {"log_days": 7}
        case "prod":
            defaults = {"log_days": 90, "waf": True, "removal": "retain"}
        case _:
            raise StageError(f"stage: expected one of {', '.join(get_args(StageName.__value__))}, got {name!r}")
    return Stage(**{"name": name, **defaults, **settings}, given=frozenset(settings))
