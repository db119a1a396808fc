"""Merge the results of very many shards: `./quickstart bench merge` measures it in one step and in two.

A stand-in answers as S3 does, each request after 15 ms. Nothing else takes part: no network, no other processes.
"""

import argparse
import json
import os
import platform
import time
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.counts import COUNTRIES, FIRST_DAY
from benchmarks.histories import delivered
from infra_cdk.stages import stage
from voucher_selection.adapters.lake import PARALLEL_REQUESTS, Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.plans import HistoryPlan, Shard, ShardPart, SourceFile
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.shard_groups import ShardGroup, in_groups, size_of_groups
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.totals import GroupTotals, ShardTotals
from voucher_selection.pipeline.merging import merge_group, merge_shards

ROOT = Path(__file__).resolve().parents[1]
SHARDS, DAYS = 200_000, 365
REQUEST_SECONDS = 0.015
PAGE = 1_000
MOST_SECONDS = 60
_STAGE = stage("dev")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_CORE = min(1, _STAGE.model_memory_mb / 1_769)
_TIMED_GROUPS = 5
# One step is measured with so much less: it takes minutes of processor time.
_ONE_STEP_PART = 10


class S3:
    """S3's answers about the objects of a run, each after a while; `content` makes those that nobody has put."""

    def __init__(self, keys: Sequence[str], content: Callable[[str], bytes], seconds: float) -> None:
        self._keys, self._content, self.seconds = sorted(keys), content, seconds
        self._put: dict[str, bytes] = {}
        self._lock = Lock()
        self.requests = 0

    def get_object(self, *, Key: str, **_: object) -> dict[str, Any]:  # noqa: N803 - S3's names
        """Answer with the content of an object."""
        self._answer()
        return {"Body": BytesIO(self._put[Key] if Key in self._put else self._content(Key))}

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> dict[str, Any]:  # noqa: N803
        """Keep an object."""
        self._answer()
        with self._lock:
            if Key not in self._put:
                insort(self._keys, Key)
            self._put[Key] = Body
        return {"ETag": "x"}

    def get_paginator(self, _operation: str) -> Self:
        """Answer with what lists objects."""
        return self

    def paginate(self, *, Prefix: str, Delimiter: str | None = None, **_: object) -> Iterator[dict[str, Any]]:  # noqa: N803
        """Yield pages of keys, or of how they begin."""
        found: list[dict[str, Any]] = []
        name = "CommonPrefixes" if Delimiter else "Contents"
        index = bisect_left(self._keys, Prefix)
        while index < len(self._keys) and (key := self._keys[index]).startswith(Prefix):
            if Delimiter:
                begins = Prefix + key.removeprefix(Prefix).partition(Delimiter)[0] + Delimiter
                found.append({"Prefix": begins})
                index = bisect_left(self._keys, begins + "\U0010ffff", index)
            else:
                found.append({"Key": key, "Size": 1, "ETag": "x"})
                index += 1
            if len(found) == PAGE:
                self._answer()
                yield {name: found}
                found = []
        self._answer()
        yield {name: found}

    def _answer(self) -> None:
        with self._lock:
            self.requests += 1
        time.sleep(self.seconds)


class Day(NamedTuple):
    """The counts of one day, or of more, as they are written."""

    counts: Counts
    content: bytes
    stored: StoredCounts

    @classmethod
    def of(cls, counts: Counts) -> Self:
        """Write counts."""
        file = BytesIO()
        pq.write_table(counts.table, file, compression="zstd")
        return cls(counts, file.getvalue(), StoredCounts(object=StoredObject.of(file.getvalue()), rows=counts.rows))

    @property
    def rows(self) -> int:
        """The number of kept rows."""
        return self.counts.assignments


class Run:
    """A run of shards in the order of the days of a year, all rows of which were kept."""

    def __init__(self, days: Sequence[Day], shards: int, most: int) -> None:
        self._days, self._shards = days, shards
        self.size = size_of_groups(shards, most)
        self.keys = RunKeys("bench", self.size)
        keys = self.keys
        self._of_key = {key_of(n): n for n in range(shards) for key_of in (keys.totals, keys.counts, keys.cleaned)}
        self.s3 = S3([*self._of_key, keys.manifest, keys.shard_groups], self._content, REQUEST_SECONDS)
        # made before anything is measured
        self._lists = {keys.manifest: _as_json(self._manifest()), keys.shard_groups: _as_json(self.groups())}
        client: Any = self.s3  # it answers what the lake asks for
        self.lake = Lake("lake", client)

    @property
    def plan(self) -> HistoryPlan:
        """The run's plan."""
        rows = sum(self._day(n).rows for n in range(self._shards))
        return HistoryPlan(
            run_id="bench",
            started_at=datetime.now(UTC),
            source="s3://bench/",
            reading=Reading(COUNTRIES),
            cur_date=FIRST_DAY + timedelta(days=DAYS),
            definitions=shipped_definitions(),
            files=(SourceFile(key="raw/x", source="s3://bench/x", identity="x", size=1, rows=rows),),
            shards=self._shards,
            shards_per_group=self.size,
        )

    def groups(self) -> list[ShardGroup]:
        """Return the groups of the shards."""
        return in_groups(self._manifest(), self.size)

    def write_merged(self, groups: Sequence[ShardGroup]) -> None:
        """Write what merging these groups writes; adding up the few days of each is faster than reading its shards."""
        for group in groups:
            shards = Counter(map(self._day_of, group.shards))
            counts = Counts.sum(_times(self._days[day].counts, n) for day, n in shards.items())
            self._write_group(group, Day.of(counts))

    def write_alike(self, counts: Counts) -> None:
        """Write the same counts for each group, as if its shards had rows of all days."""
        written = Day.of(counts)
        for group in self.groups():
            self._write_group(group, written)

    def _write_group(self, group: ShardGroup, written: Day) -> None:
        rows = sum(group.rows)
        self.s3.put_object(Key=self.keys.counts_of_group(group.number), Body=written.content)
        totals = GroupTotals(
            group=group.number, rows_read=rows, kept=rows, counts=written.stored, undated_again=rows - written.rows
        )
        self.lake.write_json(self.keys.merged(group.number), totals)

    def _content(self, key: str) -> bytes:
        if key in self._lists:
            return self._lists[key]
        number = self._of_key[key]
        day = self._day(number)
        if key == self.keys.counts(number):
            return day.content
        totals = ShardTotals(
            shard=number,
            rows_read=day.rows,
            kept=day.rows,
            cleaned=StoredRows(rows=day.rows, size=1, etag="x"),
            measurable=day.stored.rows,
            counts=day.stored,
        )
        return totals.model_dump_json().encode()

    def _manifest(self) -> list[Shard]:
        return [
            Shard(
                number=number,
                shards_per_group=self.size,
                parts=(
                    ShardPart(
                        key="raw/x",
                        etag="x",
                        first_row_group=number,
                        end_row_group=number + 1,
                        first_row=0,
                        rows=self._day(number).rows,
                    ),
                ),
            )
            for number in range(self._shards)
        ]

    def _day(self, shard: int) -> Day:
        return self._days[self._day_of(shard)]

    def _day_of(self, shard: int) -> int:
        return shard * len(self._days) // self._shards


def _times(counts: Counts, times: int) -> Counts:
    index = counts.table.schema.get_field_index("rows")
    return Counts(counts.table.set_column(index, "rows", pc.multiply(counts.table["rows"], times)))


class Step(NamedTuple):
    """What a step took: clock and processor seconds, and requests."""

    seconds: float
    cpu_seconds: float
    requests: int

    def times(self, times: int) -> Self:
        """Return what so many times the work would take."""
        return type(self)(self.seconds * times, self.cpu_seconds * times, self.requests * times)

    @property
    def in_the_function(self) -> float:
        """The seconds with the part of a core that Model's function has, if it works and waits in turns."""
        return self.seconds + self.cpu_seconds * (1 / _CORE - 1)


def main() -> None:
    """Measure both ways, print a table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--per-merge", type=int, default=_STAGE.shards_per_merge)
    parser.add_argument("--no-report", action="store_true", help="only print")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    steps = measure(options.shards, options.per_merge)
    page = _page(options.shards, options.per_merge, steps, load)
    print(page)
    if not options.no_report:
        (ROOT / "docs/merging.md").write_text(page, encoding="utf-8")
    if slow := [name for name in _BOUNDED if steps[name].in_the_function > MOST_SECONDS]:
        raise SystemExit(f"expected at most {MOST_SECONDS} s, took longer: {', '.join(slow)}")


_ONE_STEP, _GROUP = "all shards in one step", "one group of shards"
_LAST, _LAST_OF_ALL_DAYS = "all groups, the last step", "the last step, of a history in no order"
_BOUNDED = (_GROUP, _LAST, _LAST_OF_ALL_DAYS)


def measure(shards: int, most: int) -> dict[str, Step]:
    """Return what each way of merging took."""
    days = [Day.of(_counts_of(FIRST_DAY + timedelta(days=day))) for day in range(DAYS)]
    run = Run(days, shards, most)
    plan, groups = run.plan, run.groups()
    of_groups = [_timed(run, partial(merge_group, run.lake, "bench", group)) for group in groups[:_TIMED_GROUPS]]
    run.write_merged(groups[_TIMED_GROUPS:])
    steps = {
        _GROUP: max(of_groups, key=lambda step: step.in_the_function),
        _LAST: _timed(run, partial(merge_shards, run.lake, plan)),
    }
    run.write_alike(Counts.sum(day.counts for day in days))
    steps[_LAST_OF_ALL_DAYS] = _timed(run, partial(merge_shards, run.lake, plan))
    part = Run(days, shards // _ONE_STEP_PART, shards)
    return {_ONE_STEP: _timed(part, partial(merge_shards, part.lake, part.plan)).times(_ONE_STEP_PART), **steps}


def _counts_of(day: date) -> Counts:
    rows = delivered(day, 1, seed=day.toordinal()).combine_chunks()
    kept = (clean(batch, Reading(COUNTRIES)).kept for batch in rows.to_batches())
    return Counts.sum(map(Counts.of, kept))


def _timed(run: Run, step: Callable[[], object]) -> Step:
    requests, started, cpu_started = run.s3.requests, time.perf_counter(), time.process_time()
    step()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return Step(seconds, cpu_seconds, run.s3.requests - requests)


def _as_json(items: Sequence[Shard | ShardGroup]) -> bytes:
    return json.dumps([item.model_dump(mode="json") for item in items]).encode()


def _page(shards: int, most: int, steps: dict[str, Step], load: float) -> str:
    one = steps[_ONE_STEP].in_the_function
    rows = "\n".join(
        f"| {name} | {step.requests:,} | {step.seconds:.1f} | {step.cpu_seconds:.1f} | {step.in_the_function:.1f} |"
        f" {step.in_the_function / one:.4f} |"
        for name, step in steps.items()
    )
    groups = -(-shards // (size_of_groups(shards, most) or shards))
    return f"""# Merging many shards

    ./quickstart bench merge

measures how long Model takes for the results of {shards:,} shards: in one step, and in {groups} [groups](pipeline.md#the-states) of at most {most} shards. Up to `max_concurrency`
groups are merged at the same time, then Model merges the groups. One group and the last step should take less than {MOST_SECONDS} s each: if not, the benchmark fails.

| | requests | seconds | CPU, seconds | in the function, seconds | to one step |
|---|---|---|---|---|---|
{rows}

- One step is calculated from {shards // _ONE_STEP_PART:,} shards.
- A stand-in for S3 answers each request after {REQUEST_SECONDS * 1000:.0f} ms. Model has {PARALLEL_REQUESTS} requests under way at once.
- The shards are in the order of the {DAYS} days of a year: each has the counts of one day, for {len(COUNTRIES)} countries.
- The last line is what the order is worth: there every group has the counts of all days. Such a history's last step takes longer, with more days in proportion.
- *In the function* is calculated: Model's {_STAGE.model_memory_mb:,} MB give it {_CORE:.2f} of a core; with less of one, CPU seconds take longer. Of one group, the slowest of {_TIMED_GROUPS} is shown.

Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} shared cores ({platform.machine()}), Python {platform.python_version()}; the load average was {load:.1f} before.
"""


if __name__ == "__main__":
    main()
