"""What a run costs and how long it takes, reckoned from what was measured on one core."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from voucher_selection.adapters.lake import COPIES_AT_ONCE, PARALLEL_REQUESTS
from voucher_selection.adapters.sources.s3 import part_size

_DAYS_OF_A_MONTH = 365 / 12
_VCPU_MB = 1769  # memory with which a function has one vCPU
_MIB = 2**20


class Measured(NamedTuple):
    """What was measured: Clean's work for a shard of the size that is reckoned with, and Ingest's for footers.

    Attributes
    ----------
    cpu_seconds_per_row, read_bytes_per_row
        Of Clean.
    written_bytes_per_row
        By Clean, by the prefix of the bucket.
    gets_per_shard, puts_per_shard
        Requests to S3.
    footer_seconds
        Processor time of Ingest for each row group.
    footer_bytes, plan_bytes
        Memory of Ingest for each row group, and for each shard.
    """

    cpu_seconds_per_row: float
    read_bytes_per_row: float
    written_bytes_per_row: dict[str, float]
    gets_per_shard: int
    puts_per_shard: int
    footer_seconds: float
    footer_bytes: float
    plan_bytes: float


class Ingest(NamedTuple):
    """Ingest's seconds for copies and for footers, the memory that it needs in MB, and dollars of S3's requests."""

    copy_seconds: float
    footer_seconds: float
    memory_mb: int
    requests: float

    @property
    def seconds(self) -> float:
        """The seconds of Ingest: it reads the footers of the copies."""
        return self.copy_seconds + self.footer_seconds


class RunCost(NamedTuple):
    """A full run over `rows`: its parts, their seconds, and dollars by service. `groups` are those that are merged."""

    rows: int
    shards: int
    groups: int
    ingest: Ingest
    clean_seconds: float
    merge_seconds: float
    model_seconds: float
    compute: float
    states: float
    requests: float
    stored: float
    scanned: float

    @property
    def total(self) -> float:
        """Dollars for the run, without what it stores."""
        return self.compute + self.states + self.requests

    def seconds(self, at_once: int, inputs: dict[str, Any]) -> float:
        """Return how long the run takes with so many Cleans at once."""
        assumed = inputs["assumed"]
        at_once = min(at_once, self.shards)
        # Until all run at once, half of them do on average.
        growing = max(0, at_once - assumed["lambda_first"]) / assumed["lambda_more_a_second"] / 2
        cleaning = growing + max(1, self.shards / at_once) * self.clean_seconds
        starting = self.shards * assumed["transitions_per_shard"] / assumed["transitions_a_second"]
        merging = max(1, self.groups / at_once) * self.merge_seconds if self.groups > 1 else 0
        return float(self.ingest.seconds + max(cleaning, starting) + merging + self.model_seconds)


def run_cost(rows: int, measured: Measured, inputs: dict[str, Any]) -> RunCost:
    """Reckon a full run over `rows` rows."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    shards = math.ceil(rows / stage["shard_rows"])
    groups = math.ceil(shards / stage["shards_per_merge"])
    ingest = ingest_cost(rows, measured, inputs)
    work = rows / shards * measured.cpu_seconds_per_row * assumed["seconds_per_vcpu_second"]
    clean_seconds = work + assumed["seconds_per_shard"]
    merged = min(shards, stage["shards_per_merge"])
    merge_seconds = _merge_seconds(merged, assumed)
    model_seconds = merge_seconds if groups == 1 else _merge_seconds(groups, assumed)
    merges = groups if groups > 1 else 0
    gb_seconds = (
        ingest.seconds * ingest.memory_mb
        + shards * clean_seconds * stage["clean_memory_mb"]
        + (merges * merge_seconds + model_seconds) * stage["model_memory_mb"]
    ) / 1024
    disk = shards * clean_seconds * (stage["clean_disk_mb"] - 512) / 1024
    transitions = (shards + merges) * assumed["transitions_per_shard"] + assumed["transitions_per_run"]
    puts = shards * measured.puts_per_shard + 2 * merges + assumed["puts_per_run"]
    lists = shards * measured.puts_per_shard / 1000
    gets = shards * (measured.gets_per_shard + assumed["gets_per_shard_merged"]) + 2 * merges
    return RunCost(
        rows=rows,
        shards=shards,
        groups=groups,
        ingest=ingest,
        clean_seconds=clean_seconds,
        merge_seconds=merge_seconds,
        model_seconds=model_seconds,
        compute=gb_seconds * price["lambda_gb_second"]
        + disk * price["lambda_disk_gb_second"]
        + (shards + merges + 2) * price["lambda_request"],
        states=transitions * price["states_transition"],
        requests=ingest.requests
        + (puts + lists) * price["s3_put"]
        + gets * price["s3_get"]
        + assumed["model_items"] * price["dynamodb_write"],
        stored=sum(stored_costs(rows, measured, inputs).values()),
        scanned=rows * measured.read_bytes_per_row / 1e12 * price["athena_tb"],
    )


def ingest_cost(rows: int, measured: Measured, inputs: dict[str, Any]) -> Ingest:
    """Reckon Ingest's part of a run."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    size = rows * measured.read_bytes_per_row
    files = math.ceil(size / assumed["file_bytes"])
    part = part_size(int(size))
    parts = math.ceil(size / files / part)
    copy_seconds = max(size / COPIES_AT_ONCE, min(size / files, part)) / assumed["copy_bytes_a_second"]
    row_groups = math.ceil(rows / assumed["rows_per_row_group"])
    shards = math.ceil(rows / stage["shard_rows"])
    needed = (row_groups * measured.footer_bytes + shards * measured.plan_bytes) / _MIB + assumed["ingest_idle_mb"]
    memory = max(stage["ingest_memory_mb"], 64 * math.ceil(needed / 64))
    work = row_groups * measured.footer_seconds * assumed["seconds_per_vcpu_second"] / min(1, memory / _VCPU_MB)
    asking = files * assumed["gets_per_footer"] * assumed["s3_answer_seconds"] / PARALLEL_REQUESTS
    puts = files * (parts + 2 if parts > 1 else 1)
    gets = files * (1 + assumed["gets_per_footer"])
    return Ingest(copy_seconds, 1 + asking + work, memory, puts * price["s3_put"] + gets * price["s3_get"])


def stored_costs(rows: int, measured: Measured, inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon what a run's objects cost until S3 deletes them, in dollars by prefix.

    They expire after the days of their prefix. Then they are noncurrent versions for more days.
    """
    price, stage = inputs["price"], inputs["stage"]
    per_row = {"raw": measured.read_bytes_per_row, **measured.written_bytes_per_row}
    months = {prefix: (stage[f"{prefix}_days"] + stage["noncurrent_days"]) / _DAYS_OF_A_MONTH for prefix in per_row}
    return {prefix: rows * size / 1e9 * months[prefix] * price["s3_gb_month"] for prefix, size in per_row.items()}


def largest(fits: Callable[[int], bool]) -> int:
    """Return the most rows that fit, to two digits."""
    sizes: list[int] = [digits * 10**power for power in range(8, 15) for digits in range(10, 100)]
    return max(filter(fits, sizes))


def _merge_seconds(results: int, assumed: dict[str, Any]) -> float:
    """Return how long Model takes to read and add up so many results, its own start included."""
    return float(2 + results * assumed["gets_per_shard_merged"] * assumed["s3_answer_seconds"] / PARALLEL_REQUESTS)
