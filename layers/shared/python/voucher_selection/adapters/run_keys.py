"""Where a run's objects are in the lake."""

from dataclasses import dataclass
from hashlib import sha256

from voucher_selection.contract.bucket import (
    FAILURES,
    PRODUCTION,
    QUARANTINE,
    RAW,
    RUN_PREFIXES,
    RUNS,
    STAGING,
    SUMMARY,
    run_folder,
)
from voucher_selection.domain.s3_addresses import LONGEST_KEY

OWN_FOLDERS = tuple(f"{prefix}/" for prefix in RUN_PREFIXES)
"""The folders of the bucket that runs write to."""

# The tables of counts, in the order of `counts.Counts`.
_COUNTS = ("frequency_counts", "recency_counts")

_START_AGAIN = "start the run again"
# By the prefix of an object that is gone or altered.
_WHAT_TO_DO = {
    PRODUCTION: "run the whole history, whose model does not build on it",
    STAGING: f"what a run leaves there expires after the stage's staging_days; {_START_AGAIN}",
    RAW: f"what a run leaves there expires after the stage's raw_days; {_START_AGAIN}",
}


def what_to_do(key: str) -> str:
    """Return what to do if the lake no longer has an object of this key, or has another one than was written."""
    return _WHAT_TO_DO.get(key.partition("/")[0], _START_AGAIN)


@dataclass(frozen=True)
class RunKeys:
    """The keys of one run's objects.

    Examples
    --------
    >>> RunKeys("run-6f5b966c").summary
    'runs/run_id=run-6f5b966c/run.json'
    """

    run_id: str

    def raw(self, name: str) -> str:
        """The landed copy of a source file; `name` is its path below the source, or a digest where that is too long."""
        key = self._key(RAW, name)
        if len(key.encode()) <= LONGEST_KEY:
            return key
        return self._key(RAW, f"{sha256(name.encode()).hexdigest()}.parquet")

    @property
    def plan(self) -> str:
        """The plan that Ingest settles."""
        return self._key(RUNS, "plan.json")

    @property
    def manifest(self) -> str:
        """The list of shards, the item source of the map."""
        return self._key(RUNS, "manifest.json")

    @property
    def summary(self) -> str:
        """The run's outcome."""
        return self._key(RUNS, SUMMARY)

    @property
    def failures(self) -> str:
        """The folder of the state machine's records of shards that failed."""
        return self._key(RUNS, f"{FAILURES}/")

    def cleaned(self, shard: int) -> str:
        """A shard's rows that count."""
        return self._staging("cleaned", shard, "parquet")

    def counts(self, shard: int) -> tuple[str, ...]:
        """A shard's frequency counts and recency counts."""
        return tuple(self._staging(table, shard, "parquet") for table in _COUNTS)

    def totals(self, shard: int) -> str:
        """A shard's totals; where they are, the shard is complete."""
        return self._staging("totals", shard, "json")

    def quarantine(self, rule: str, shard: int) -> str:
        """The rows of a shard that a rule rejects."""
        return f"{self.all_quarantine}rule={rule}/shard-{shard:05d}.parquet"

    @property
    def all_quarantine(self) -> str:
        """The folder of the run's rejected rows, partitioned by rule."""
        return self._key(QUARANTINE, "")

    @property
    def merged_counts(self) -> tuple[str, ...]:
        """The run's frequency counts and recency counts."""
        return tuple(self._production(table) for table in _COUNTS)

    @property
    def ledger(self) -> str:
        """What the run's counts count."""
        return self._key(PRODUCTION, "ledger.json")

    @property
    def what_if(self) -> str:
        """The model that a remodel was only asked about."""
        return self._key(RUNS, "what_if.json")

    @property
    def rollback(self) -> str:
        """What a rollback has settled to do."""
        return self._key(RUNS, "rollback.json")

    @property
    def approval(self) -> str:
        """What an approval approves: the record of the run that was held back."""
        return self._key(RUNS, "approval.json")

    @property
    def all_cleaned(self) -> str:
        """The folder of the shards' rows that count."""
        return self._key(STAGING, "cleaned/")

    @property
    def all_totals(self) -> str:
        """The folder of the shards' totals."""
        return self._key(STAGING, "totals/")

    def vouchers(self, shard: int) -> str:
        """The amounts of a shard's customers."""
        return f"{self.all_vouchers}shard-{shard:05d}.parquet"

    @property
    def all_vouchers(self) -> str:
        """The folder of the customers' amounts, and of nothing else."""
        return self._key(PRODUCTION, "vouchers/")

    def assigned(self, shard: int) -> str:
        """The totals of a shard of customers; where they are, the shard is complete."""
        return f"{self.all_assigned}shard-{shard:05d}.json"

    @property
    def all_assigned(self) -> str:
        """The folder of the totals of shards of customers."""
        return self._key(PRODUCTION, "voucher_totals/")

    @property
    def modes(self) -> str:
        """The run's amounts by segment."""
        return self._production("segment_modes")

    def _staging(self, kind: str, shard: int, suffix: str) -> str:
        return self._key(STAGING, f"{kind}/shard-{shard:05d}.{suffix}")

    def _production(self, name: str) -> str:
        return self._key(PRODUCTION, f"{name}.parquet")

    def _key(self, prefix: str, name: str) -> str:
        return f"{run_folder(prefix, self.run_id)}/{name}"
