"""Where a run's objects are in the lake."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from voucher_selection.contract.bucket import (
    ASSIGNED,
    COUNTS,
    CSV_VOUCHERS,
    FAILURES,
    INBOX_RESULTS,
    MODES,
    PRODUCTION,
    QUARANTINE,
    RAW,
    RUN_PREFIXES,
    RUNS,
    STAGING,
    SUMMARY,
    TEXTS,
    VOUCHERS,
    run_folder,
)
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.s3_addresses import LONGEST_KEY

OWN_FOLDERS = tuple(f"{prefix}/" for prefix in (*RUN_PREFIXES, INBOX_RESULTS))
"""The folders of the bucket that runs, and the function Inbox, write to."""

END_OF_GROUP = "."
"""The character that ends the name of a group, and that is nowhere before it below a folder of shards."""

_START_AGAIN = "start the run again"
# By the prefix of an object that is gone or altered.
_WHAT_TO_DO = {
    PRODUCTION: "run the whole history, whose model does not build on it",
    **{
        prefix: f"what a run leaves there expires after the stage's {prefix}_days; {_START_AGAIN}"
        for prefix in (STAGING, RAW, ASSIGNED)
    },
}


def what_to_do(key: str) -> str:
    """Return what to do if the lake no longer has an object of this key, or has another one than was written."""
    return _WHAT_TO_DO.get(key.partition("/")[0], _START_AGAIN)


class _Key(property):
    """A key that each run has once: a prefix of the bucket, the name below it, and what is there."""

    def __init__(self, prefix: str, name: str, doc: str) -> None:
        super().__init__(lambda keys: keys._key(prefix, name), doc=doc)

    if TYPE_CHECKING:  # a property's own type gives Any

        def __get__(self, keys: object, kind: type | None = None, /) -> str: ...  # type: ignore[override]


@dataclass(frozen=True)
class RunKeys:
    """The keys of one run's objects; `shards_per_group` is that of its plan.

    If the shards are in several groups, the names of their objects begin with the group. So the objects of a group can
    be listed without all others, and no prefix has more objects than a group: S3 gives each prefix a rate of its own. A
    folder for each group would hide the files from readers that do not look into folders.

    Examples
    --------
    >>> RunKeys("run-6f5b966c").summary
    'runs/run_id=run-6f5b966c/run.json'
    >>> RunKeys("x").totals(7), RunKeys("x", shards_per_group=5).totals(7)
    ('staging/run_id=x/totals/shard-00007.json', 'staging/run_id=x/totals/group-0001.shard-00007.json')
    """

    run_id: str
    shards_per_group: int | None = None

    plan = _Key(RUNS, "plan.json", "The plan that Ingest settles.")
    manifest = _Key(RUNS, "manifest.json", "The list of shards, the item source of the map.")
    shard_groups = _Key(RUNS, "groups.json", "The groups of shards, the item source of the map that merges.")
    summary = _Key(RUNS, SUMMARY, "The run's outcome.")
    failures = _Key(RUNS, f"{FAILURES}/", "The folder of the state machine's records of shards and groups that failed.")
    what_if = _Key(RUNS, "what_if.json", "The model that a remodel was only asked about.")
    quality = _Key(RUNS, "quality.json", "How good the run's model is.")
    rollback = _Key(RUNS, "rollback.json", "What a rollback has settled to do.")
    batch = _Key(RUNS, "inbox.json", "The objects of the inbox that the run takes.")
    approval = _Key(RUNS, "approval.json", "What an approval approves: the record of the run that was held back.")
    all_cleaned = _Key(STAGING, "cleaned/", "The folder of the shards' rows that count.")
    all_totals = _Key(STAGING, "totals/", "The folder of the shards' totals.")
    all_merged = _Key(STAGING, "merged/", "The folder of the merged results of groups of shards.")
    all_quarantine = _Key(QUARANTINE, "", "The folder of the run's rejected rows, partitioned by rule.")
    ledger = _Key(PRODUCTION, "ledger.json", "What the run's counts count.")
    merged_counts = _Key(
        PRODUCTION, f"{COUNTS}/counts.parquet", "The counts of all shards, and of the counts that they add to."
    )
    counts_of_before = _Key(PRODUCTION, "counts.parquet", "The same, if an older version wrote them.")
    modes = _Key(PRODUCTION, f"{MODES}/segment_modes.parquet", "The run's amounts by segment.")
    all_vouchers = _Key(ASSIGNED, f"{VOUCHERS}/", "The folder of the customers' amounts, and of nothing else.")
    all_csv_vouchers = _Key(ASSIGNED, f"{CSV_VOUCHERS}/", "The folder of the customers' amounts, if a run writes CSV.")
    voucher_manifest = _Key(ASSIGNED, "manifest.json", "The files of the customers' amounts, with their digests.")
    cost = _Key(ASSIGNED, "voucher_cost.json", "What the customers' amounts cost.")
    all_assigned = _Key(ASSIGNED, "voucher_totals/", "The folder of the totals of shards of customers.")

    def raw(self, name: str) -> str:
        """The landed copy of a source file, below a digit that spreads the files of a run over prefixes.

        `name` is its path below the source, or a digest where that is too long.
        """
        digest = sha256(name.encode()).hexdigest()
        key = self._key(RAW, f"{digest[0]}/{name}")
        if len(key.encode()) <= LONGEST_KEY:
            return key
        return self._key(RAW, f"{digest[0]}/{digest}.parquet")

    def text(self, digest: str, part: int) -> str:
        """Rows of a text file as parquet; its landed key gives the digest, and a large one has several parts."""
        return self._key(STAGING, f"{TEXTS}/{digest}-{part:05d}.parquet")

    def cleaned(self, shard: int) -> str:
        """A shard's rows that count."""
        return f"{self.all_cleaned}{self._name(shard)}.parquet"

    def counts(self, shard: int) -> str:
        """A shard's counts."""
        return self._key(STAGING, f"counts/{self._name(shard)}.parquet")

    def totals(self, shard: int) -> str:
        """A shard's totals; where they are, the shard is complete."""
        return f"{self.all_totals}{self._name(shard)}.json"

    def quarantine(self, rule: str, shard: int) -> str:
        """The rows of a shard that a rule rejects."""
        return f"{self.all_quarantine}rule={rule}/{self._name(shard)}.parquet"

    def vouchers(self, shard: int) -> str:
        """The amounts of a shard's customers."""
        return f"{self.all_vouchers}{self._name(shard)}.parquet"

    def csv_vouchers(self, shard: int) -> str:
        """The amounts of a shard's customers, if a run writes CSV."""
        return f"{self.all_csv_vouchers}{self._name(shard)}.csv"

    def assigned(self, shard: int) -> str:
        """The totals of a shard of customers; where they are, the shard is complete."""
        return f"{self.all_assigned}{self._name(shard)}.json"

    def merged(self, group: int) -> str:
        """The totals of a group of shards; where they are, the group is merged. Runs of one group have none."""
        return f"{self.all_merged}{_name_of_group(group)}.json"

    def counts_of_group(self, group: int) -> str:
        """The counts of a group of shards."""
        return f"{self.all_merged}{_name_of_group(group)}.parquet"

    def _name(self, shard: int) -> str:
        group = _name_of_group(shard // self.shards_per_group) + END_OF_GROUP if self.shards_per_group else ""
        return f"{group}shard-{shard:05d}"

    def _key(self, prefix: str, name: str) -> str:
        return f"{run_folder(prefix, self.run_id)}/{name}"


def beginning_of_group(keys: RunKeys, folder: str, group: int) -> str:
    """Return how the keys of a group's objects in a folder of shards begin."""
    return f"{folder}{_name_of_group(group)}{END_OF_GROUP}" if keys.shards_per_group else folder


def beginnings_of_quarantine(keys: RunKeys, group: int) -> list[str]:
    """Return how the keys of a group's rejected rows begin."""
    if not keys.shards_per_group:
        return [keys.all_quarantine]
    return [beginning_of_group(keys, f"{keys.all_quarantine}rule={rule}/", group) for rule in Rule]


def _name_of_group(group: int) -> str:
    return f"group-{group:04d}"
