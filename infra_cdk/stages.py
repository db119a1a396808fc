"""The settings of a deployment: each is declared here, once, with its defaults for the stages."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from zoneinfo import available_timezones

from layers.build.platforms import Architecture, host_architecture
from voucher_selection.contract.api import Auth
from voucher_selection.contract.functions import API, WATCH, WHAT_IF
from voucher_selection.contract.limits import (
    LEAST_KEPT_VERSIONS,
    MOST_COUNTRIES,
    MOST_NULL_DATES,
    MOST_UPLOAD_BYTES,
    NO_ZONES,
)
from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.contract.runs import Overlap

type StageName = Literal["local", "dev", "prod"]
type Packaging = Literal["bundle", "layers"]
type Wheels = Literal["host", "lambda"]
type Removal = Literal["destroy", "retain"]
type Deployment = Literal["all_at_once", "canary"]
type LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
type ApiLogRole = Literal["account", "own"]

LOCAL_ENDPOINT = "https://localhost:4566"
LOCAL_API_ID = "voucher"

LOG_PERIODS = {
    1: "ONE_DAY",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
}
"""How long logs can be kept, in days: some of CloudWatch's periods, with the CDK's names."""


class StageError(ValueError):
    """A stage or a setting is not valid; the message says what is allowed."""


class UnmatchedSettingError(StageError):
    """Two settings are each valid, but not together."""


class Range(NamedTuple):
    """The least and the greatest value of a number."""

    least: float
    most: float


Count = Annotated[int, Range(1, 2**31)]
CountOrNone = Annotated[int | None, Range(1, 2**31)]
ShareOrNone = Annotated[float | None, Range(0, 1)]
Days = Annotated[int, Range(1, 36_500)]
MemoryMb = Annotated[int, Range(128, 10_240)]
TimeoutSeconds = Annotated[int, Range(1, 900)]
AnswerSeconds = Annotated[int, Range(1, 29)]  # API Gateway waits no longer
# S3 takes 10,000 parts of an object; boto3 makes parts of 8 MiB if it does not know the whole size.
UploadBytes = Annotated[int, Range(1, 10_000 * 8 * 1024**2)]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Every setting of a deployment. The defaults here are those of the AWS stages.

    A text describes the setting above it, or all settings since the text before.
    """

    name: StageName
    """The stage, and the API's stage in API Gateway."""
    suffix: str = ""
    """The end of the stack's name, for a deployment beside the stage's own one; not a setting, as it stays the same for
    the whole life of a stack."""
    countries: tuple[str, ...] = ("Peru",)
    """Countries whose assignments count, as the history names them; at most 300."""
    cur_date: date | None = None
    """The date up to which days since the last order are counted; None means the day of the run, in `time_zone`."""
    time_zone: str = "UTC"
    """The time zone whose days count, by its IANA name, like `Europe/Riga`. A time with an offset, in a history or a
    lookup, is converted to this zone. A date, or a time without an offset, is read as one of this zone. A model's whole
    history has one zone: an append to counts of another zone is refused."""
    null_dates: tuple[date, ...] = ()
    """Placeholders in the history: dates like 1900-01-01 that mean "no order", unless a run names others."""
    refresh_schedule: str = "cron(30 0 * * ? *)"
    """When the model is made again for the day's date, as an EventBridge expression in UTC; empty means never. With
    `cur_date`, no refresh is needed. West of Greenwich a day begins later than in UTC: half past midnight in Lima
    is `cron(30 5 * * ? *)`."""
    segments_file: Path | None = None
    """JSON file of segment definitions; None uses the shipped ones."""
    fallback: FallbackTo = "none"
    """What answers a customer who is in no segment, or in one with less support than `least_support`: no amount
    (`none`), or the amount used most in the country (`country`). A lookup or a run that assigns may name another."""
    least_support: Count = 1
    """The fewest assignments that an answer rests on if there is a fallback. A lookup or a run that assigns may name
    another number."""
    source_hosts: tuple[str, ...] = ()
    """HTTPS hosts from which Ingest may fetch a history; `*` means any."""
    source_private_addresses: bool = False
    """Whether such a host may be in a private network, like a server in the functions' VPC."""
    source_max_bytes: UploadBytes = 10 * 1024**3
    """The largest file, in bytes, that Ingest fetches over HTTPS. At 20 MB per second, the default takes about as long
    as Ingest waits. S3 itself copies larger files from a bucket."""
    source_buckets: tuple[str, ...] = ()
    """Buckets that Ingest may read besides the deployment's own."""
    auth: Auth = "api_key"
    """Who may call the API: anyone (`none`), holders of an API key, or, with signed requests, the identities of AWS
    whose policy allows it (`iam`)."""
    start_runs: bool = False
    """Whether callers of the API may start runs, upload files for them, and roll versions back. On AWS this needs a key
    or signatures."""
    upload_max_bytes: Annotated[int, Range(1, MOST_UPLOAD_BYTES)] = MOST_UPLOAD_BYTES
    """The largest file, in bytes, that the page *Runs* and `POST /uploads` take, if the API may start runs. The default
    is the most that S3 takes in one request."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API, like `https://campaigns.example`; `*` means any."""
    rate_limit: Annotated[float, Range(1, 10_000)] = 100
    """Requests per second that each method takes in the long run, if it needs a key or a signature (or `auth` is
    `none`), and that each key may send to all methods together."""
    burst_limit: Annotated[int, Range(1, 5_000)] = 200
    """Requests that such a method or key may send at once."""
    open_rate_limit: Annotated[float, Range(1, 10_000)] = 10
    """Requests per second that each other method takes, like `GET /health`: strangers may call it."""
    open_burst_limit: Annotated[int, Range(1, 5_000)] = 20
    """Requests that such an open method takes at once."""
    quota_per_day: Annotated[int, Range(0, 2**31 - 1)] = 0
    """Requests of an API key per day; 0 means no limit."""
    waf: bool = False
    """Whether a web application firewall protects the API: AWS's common rules, known bad inputs, and
    `waf_rate_limit`."""
    waf_rate_limit: Annotated[int, Range(10, 2_000_000_000)] = 30_000
    """Requests of one address in five minutes after which the firewall refuses more."""
    waf_common_version: str = ""
    """Version of AWS's common rules; empty follows AWS. `./quickstart deploy` sets the current version once, and keeps
    it until you give another, or `--reset` it to take the current one again."""
    waf_bad_inputs_version: str = ""
    """Version of AWS's rules for known bad inputs, in the same way."""
    domain_name: str = ""
    """The API's own domain, which closes API Gateway's domain; empty uses API Gateway's."""
    certificate_arn: str = ""
    """The domain's certificate in ACM, in the region of the stack."""
    hosted_zone_id: str = ""
    """The zone of Route 53 that gets a record of the domain; empty leaves the record to its owner."""
    model_refresh_seconds: Annotated[float, Range(0, 86_400)] = 5
    """How long the API serves a model before it looks for a newer one."""
    shard_target_rows: Count = 10_000_000
    """The most rows that a shard has, unless one row group has more."""
    shard_target_bytes: Count = 128 * 1024 * 1024
    """The most compressed bytes that a shard has, unless one row group has more."""
    shards_per_merge: Annotated[int, Range(1, 10_000)] = 500
    """The most shards whose results are merged at once. If a run has more, they are merged in groups, then the groups.
    """
    batch_rows: Count = 131_072
    """Rows that Clean or Assign holds in memory at a time."""
    max_concurrency: Annotated[int, Range(1, 10_000)] = 40
    """Shards that are processed at once."""
    kept_versions: Annotated[int, Range(LEAST_KEPT_VERSIONS, 1_000)] = 10
    """Versions of the model that are kept for a rollback, including the served one."""
    version_days: Days = 365
    """Days after which a version expires once a newer one was published; the served one never expires."""
    most_malformed_share: ShareOrNone = 0.05
    """The largest share of malformed rows, among the rows of a run's countries, with which its model is published. This
    and the next four are the thresholds of the quality gate; None means no limit."""
    most_rejected_rise: ShareOrNone = 0.1
    """The most by which the share of rows that a rule rejects may exceed the share for the served model."""
    least_kept_rows: CountOrNone = 1
    """The fewest rows that a run must keep."""
    most_lost_segments: Annotated[int | None, Range(0, 2**31)] = 2
    """The most segments of the served model that may lose all support."""
    least_support_of_change: CountOrNone = 10
    """The least support with which the amount of a segment may change."""
    ingest_memory_mb: MemoryMb = 1024
    clean_memory_mb: MemoryMb = 1792
    assign_memory_mb: MemoryMb = 1792
    model_memory_mb: MemoryMb = 1792
    what_if_memory_mb: MemoryMb = 1024
    api_memory_mb: MemoryMb = 512
    watch_memory_mb: MemoryMb = 256
    inbox_memory_mb: MemoryMb = 512
    """Memory of the function, in MB; its share of CPU grows with it."""
    ingest_timeout_seconds: TimeoutSeconds = 600
    model_timeout_seconds: TimeoutSeconds = 300
    """How long the function may take, at most 900."""
    inbox_timeout_seconds: TimeoutSeconds = 300
    """How long Inbox may take. It looks through the whole inbox, and writes a result for each file of a run."""
    clean_timeout_seconds: TimeoutSeconds = 300
    assign_timeout_seconds: TimeoutSeconds = 300
    """How long the function may take for one shard, at most 900."""
    what_if_timeout_seconds: AnswerSeconds = 20
    """How long WhatIf may take. The API waits for it and should have a second more."""
    api_timeout_seconds: AnswerSeconds = 22
    """How long the API may take; API Gateway gives up after 29."""
    watch_timeout_seconds: TimeoutSeconds = 30
    """How long Watch may take. It waits for the API for nine tenths of that."""
    clean_disk_mb: Annotated[int, Range(512, 10_240)] = 2048
    """Disk of Clean, in MB. It holds a shard's cleaned and rejected rows, compressed, until they are uploaded."""
    snap_start: bool = True
    """Whether the API starts from a snapshot, for a region that has SnapStart; a start without one takes longer."""
    deployment: Deployment = "all_at_once"
    """How callers move to a new version of the API: at once (`all_at_once`), or 10 % of the requests for five minutes
    and then the rest (`canary`). If the new version fails, the canary takes the whole deployment back."""
    api_reserved_concurrency: CountOrNone = None
    clean_reserved_concurrency: CountOrNone = None
    """The most instances of the function at once, which no other function of the account can take from it; None shares
    the account's. AWS leaves 100 of the account's unreserved. With fewer than `max_concurrency`, shards wait."""
    run_timeout_seconds: Annotated[int, Range(60, 31_536_000)] = 6 * 60 * 60
    """How long a whole run may take."""
    inbox: bool = False
    """Whether what arrives in `inbox/` of the bucket is appended and served without a command."""
    inbox_overlap: Overlap = "refuse"
    """What happens if such an object has days that are counted already: it is held back (`refuse`), its rows are added
    (`add`), or they replace those of the days (`replace`)."""
    raw_days: Days = 90
    """Days after which landed sources are deleted."""
    staging_days: Days = 30
    """Days after which cleaned rows and the counts of shards are deleted."""
    quarantine_days: Days = 90
    """Days after which rejected rows are deleted."""
    assigned_days: Days = 90
    """Days after which the amounts of an assign run's customers are deleted."""
    noncurrent_days: Days = 30
    """Days that a replaced or deleted object can be restored. Objects in `production/` never expire."""
    tables: bool = False
    """Whether Glue has tables over counts, modes, rejected rows and customers' amounts, for queries with Athena."""
    restored_table: str = ""
    """An existing table, restored from a backup, that the functions use in place of the stack's own; empty uses the
    stack's own, which stays in any case."""
    log_days: int = 30
    """Days that logs are kept; 1, 7, 14, 30, 90, 180 or 365."""
    log_level: LogLevel = "INFO"
    """Level of the functions' logs."""
    tracing: bool = True
    """Whether X-Ray traces runs: Step Functions and the functions of the pipeline."""
    trace_requests: bool = False
    """Whether X-Ray traces requests: API Gateway, the API and WhatIf. X-Ray charges for each trace, and records every
    request of a stage with less than one a second."""
    monitoring: bool = True
    """Whether the stack has a dashboard, alarms with their topic, saved queries over the logs, and a function, Watch,
    that looks every five minutes when a model was last published."""
    health_check: bool = True
    """Whether Watch also asks the API's public address whether it answers; only with `monitoring`. Then it is outside
    of the stage's subnets."""
    runbook_url: str = ""
    """The address of the runbook's page, to which the alarms then link; empty names its file."""
    alarm_email: str = ""
    """The address that gets an email when an alarm changes or a run fails; empty means nobody."""
    most_model_age_hours: Annotated[int | None, Range(1, 7 * 24)] = 26
    """Hours since the last publication after which an alarm is raised, at most 168 (a week); None means no such
    alarm, for a stage whose model is not made every day."""
    execution_logs: bool = True
    """Whether Step Functions and API Gateway write logs of their own to CloudWatch."""
    api_log_role: ApiLogRole = "account"
    """The role with which API Gateway writes logs, one for all APIs of an account and region: the one that the account
    has (`account`), or one that this stack makes and sets for all (`own`). `./quickstart deploy` sets `own` if the
    account has none."""
    packaging: Packaging = "layers"
    """Functions with layers, or functions that carry their dependencies (`bundle`), for an emulator without layers."""
    architecture: Architecture = "arm64"
    """The processor that the functions run on."""
    wheels: Wheels = "lambda"
    """Whether the functions run in Lambda or a Lambda container, or as processes of this machine (`host`)."""
    kms_key: str = ""
    """ARN of the customer-managed key that encrypts the bucket, the table, the topics, the log groups and the
    functions' environments; empty uses AWS's own keys."""
    former_kms_keys: tuple[str, ...] = ()
    """ARNs of keys that were `kms_key` before: what they encrypted stays readable."""
    source_kms_keys: tuple[str, ...] = ()
    """ARNs of the keys that encrypt the histories of `source_buckets`; their owners allow it in the keys' policies."""
    permissions_boundary: str = ""
    """ARN or name of the managed policy that bounds every role; empty means no boundary."""
    subnet_ids: tuple[str, ...] = ()
    """Subnets that the functions run in; empty means outside of any VPC."""
    security_group_ids: tuple[str, ...] = ()
    """Security groups of the functions in these subnets."""
    removal: Removal = "destroy"
    """What happens to the bucket and the table when the stack is deleted."""
    endpoint: str = ""
    """The emulator's address; empty on AWS."""
    given: frozenset[str] = field(default=frozenset(), compare=False)
    """The names of the settings that the deployment names; all others have the stage's defaults."""

    def __post_init__(self) -> None:
        """Refuse values that would fail halfway through a deployment, or in every run."""
        if not self.countries:
            raise StageError("countries: expected at least one country, e.g. countries=Peru,Latvia")
        if len(self.countries) > MOST_COUNTRIES:
            raise StageError(f"countries: expected at most {MOST_COUNTRIES} countries, got {len(self.countries):,}")
        self._check_days()
        self._check_numbers()
        self._check_forms()
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

    def _check_forms(self) -> None:
        for setting, (pattern, expected) in _FORMS.items():
            given = getattr(self, setting)
            for value in given if isinstance(given, tuple) else filter(None, [given]):
                if not re.fullmatch(pattern, value):
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
            if getattr(self, setting) != getattr(Stage, setting):
                raise StageError(f"{setting}: the emulator has nothing of the kind; set it on dev or prod only")

    @property
    def stack_name(self) -> str:
        """The name of the stack. Whatever has a name of its own in an account has it from this one."""
        return stack_name(self.name, self.suffix)

    @property
    def is_local(self) -> bool:
        """Whether the stage runs in the emulator."""
        return self.name == "local"

    @property
    def local_api_url(self) -> str:
        """The address of the API in the emulator, with a slash at the end; empty on AWS: API Gateway makes one."""
        if not self.is_local:
            return ""
        return f"{self.endpoint.rstrip('/')}/_aws/execute-api/{LOCAL_API_ID}/{self.name}/"

    @property
    def gate(self) -> dict[str, float | None]:
        """The thresholds of the quality gate, by name."""
        return {name: getattr(self, name) for name in _GATE}

    @property
    def source_timeout_seconds(self) -> float:
        """How long a file from HTTPS may take: Ingest must give up before Lambda ends it."""
        return self.ingest_timeout_seconds * _FETCHING

    @property
    def health_timeout_seconds(self) -> float:
        """How long Watch waits for the API's answer."""
        return self.watch_timeout_seconds * _ASKING

    def traces(self, function: str) -> bool:
        """Whether X-Ray traces a function: with requests or with runs. Nobody waits for Watch."""
        return self.trace_requests if function in (API, WHAT_IF) else self.tracing and function != WATCH

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


def stack_name(stage: str, suffix: str = "") -> str:
    """Return the name of a stage's stack, or of one beside it: `VoucherSelection-dev`, `VoucherSelection-dev-trial`."""
    return "-".join(filter(None, ["VoucherSelection", stage, suffix]))


SETTINGS = tuple(each for each in fields(Stage) if each.name not in {"name", "suffix", "given"})
"""What can be set, in the order of the declaration."""

_RANGES: Mapping[str, Range] = {
    each.name: get_args(each.type)[1] for each in SETTINGS if get_origin(each.type) is Annotated
}

_FETCHING = 0.9
"""The share of its time that Ingest may wait for a file; the rest is for the footer and the plan."""

_ASKING = 0.9
"""The share of its time that Watch waits for the API; the rest is for the catalog."""

_GATE = (
    "most_malformed_share",
    "most_rejected_rise",
    "least_kept_rows",
    "most_lost_segments",
    "least_support_of_change",
)

_KEYS_ARN = (
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
    "a key's ARN like arn:aws:kms:eu-west-1:123456789012:key/1234abcd-…",
)

_FORMS: Mapping[str, tuple[str, str]] = {
    "suffix": (r"[a-z0-9-]{0,19}[a-z0-9]", "up to 20 small letters, digits and hyphens, like trial-1"),
    "refresh_schedule": (r"(cron|rate)\([^()]+\)", "like cron(30 0 * * ? *), or nothing"),
    "source_hosts": (r"\*|[a-z0-9.-]+", "host names like files.example.com, or *"),
    "cors_origins": (r"\*|https?://[a-z0-9.-]+(:\d{1,5})?", "origins like https://campaigns.example, or *"),
    "endpoint": (r"(?i:https?)://[^/?#].*", f"an address like {LOCAL_ENDPOINT}"),
    "kms_key": _KEYS_ARN,
    "former_kms_keys": _KEYS_ARN,
    "source_kms_keys": _KEYS_ARN,
    "permissions_boundary": (
        r"[\w+=,.@-]{1,128}|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+",
        "a managed policy's name or ARN",
    ),
    "restored_table": (r"[A-Za-z0-9_.-]{3,255}", "a table's name like voucher-selection-restored"),
    "subnet_ids": (r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "subnets like subnet-0123456789abcdef0"),
    "security_group_ids": (r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "security groups like sg-0123456789abcdef0"),
    "domain_name": (r"([a-z0-9-]+\.)+[a-z]{2,}", "a domain like vouchers.example.com"),
    "certificate_arn": (
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+",
        "a certificate's ARN like arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-…",
    ),
    "hosted_zone_id": (r"Z[A-Z0-9]+", "a zone's id like Z0123456789ABCDEFGHIJ"),
    "waf_common_version": (r"Version_\d+\.\d+", "a version like Version_1.19"),
    "waf_bad_inputs_version": (r"Version_\d+\.\d+", "a version like Version_1.22"),
    "runbook_url": (r"https://[^\s#]+", "an address like https://wiki.example.com/runbook"),
    "alarm_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address like on-call@example.com"),
}
"""The settings that are texts of a certain form: its pattern, and an example."""

_NEEDS = {
    "domain_name": "certificate_arn",
    "certificate_arn": "domain_name",
    "hosted_zone_id": "domain_name",
    "subnet_ids": "security_group_ids",
    "security_group_ids": "subnet_ids",
    "alarm_email": "monitoring",
    "runbook_url": "monitoring",
}
"""The settings that need another one."""

_ON_AWS_ONLY = (
    "suffix",
    "kms_key",
    "former_kms_keys",
    "source_kms_keys",
    "permissions_boundary",
    "subnet_ids",
    "waf",
    "domain_name",
    "tables",
    "deployment",
    "api_reserved_concurrency",
    "clean_reserved_concurrency",
)

_MOST_SEGMENTS_BYTES = 3_000
"""Lambda takes 4 KB of environment variables; the other variables need less than a quarter of it."""


def stage(name: str, suffix: str = "", **settings: Any) -> Stage:  # noqa: ANN401 - the settings are checked by Stage
    """Return a stage with its defaults, except for these settings; the suffix names a deployment beside its own one.

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
                "inbox": True,
                **dict.fromkeys(_GATE),  # a first trial should show its result
                "max_concurrency": 4,
                "snap_start": False,
                "model_refresh_seconds": 1,  # a first trial looks at once at what a run has changed
                "tracing": False,
                "monitoring": False,
                "execution_logs": False,
                "architecture": host_architecture(),
                "wheels": "host",
                "endpoint": LOCAL_ENDPOINT,
            }
        case "dev":
            defaults = {"log_days": 7}
        case "prod":
            defaults = {"log_days": 90, "waf": True, "deployment": "canary", "removal": "retain"}
        case _:
            raise StageError(f"stage: expected one of {', '.join(get_args(StageName.__value__))}, got {name!r}")
    return Stage(**{"name": name, "suffix": suffix, **defaults, **settings}, given=frozenset(settings))
