"""Requests a second that S3 gets: `./quickstart bench rates` simulates thousands of Cleans, and writes docs/rates.md.

The requests of a shard are recorded from Clean itself; when they are sent is simulated.
"""

import math
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.histories import ROWS, history_file
from benchmarks.recorded_requests import Method, RecordedShard, Request, record_clean

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = (5_000, 10_000)
LIMITS: dict[Method, int] = {"GET": 5_500, "PUT": 3_500}
"""Requests a second that S3 promises for each prefix."""
_RUN_ROWS = 10**12
# So many shards after one another in each place: then their beginnings are spread, and the rates have settled.
_TURNS = 6
_SHORTEST, _LONGEST = 0.8, 1.25  # of a shard's time
_SEED = 7


class Layout(NamedTuple):
    """How a run's keys are spread: copies of files by a digit of their names, objects of shards by their groups.

    Groups and files have consecutive shards. A run of one group has no `shards_per_group`.
    """

    digits: int
    shards_per_group: int | None
    shards_per_file: int

    def prefixes(self, folder: str, shards: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return which of the prefixes of a folder the shards' objects have."""
        if folder.partition("/")[0] != "raw":
            return shards // (self.shards_per_group or shards.size)
        # a digest's digit is as good as drawn by lot
        files = shards // self.shards_per_file
        return np.random.default_rng(_SEED).integers(0, self.digits, files.max() + 1)[files]


class Peak(NamedTuple):
    """The most requests of a method in a second: to the busiest prefix, and to all."""

    busiest: int
    all: int


def main() -> None:
    """Record a shard, simulate, and write the page."""
    inputs = tomllib.loads((ROOT / "benchmarks/prices.toml").read_text(encoding="utf-8"))
    shard = recorded(inputs)
    page = _page(inputs, shard)
    (ROOT / "docs/rates.md").write_text(page, encoding="utf-8")
    print(page)


def recorded(inputs: dict[str, Any]) -> RecordedShard:
    """Record a shard that is as large as the stages on AWS have them."""
    return record_clean(history_file(ROOT / ".local/bench", inputs["stage"]["shard_rows"] // ROWS), "Peru")


def simulate(requests: Iterable[Request], at_once: int, seconds: float, layout: Layout) -> dict[Method, Peak]:
    """Return the peaks, by method, while so many shards are cleaned at once; the first ones begin at the same moment.

    Parameters
    ----------
    requests
        Those of every shard.
    seconds
        How long a shard takes on average.
    """
    lasting = seconds * np.random.default_rng(_SEED).uniform(_SHORTEST, _LONGEST, (_TURNS, at_once))
    begins = np.cumsum(lasting, axis=0) - lasting
    # The map gives the next shard to the place that is free first.
    order = np.argsort(begins, axis=None, kind="stable")
    begins, lasting = begins.ravel()[order], lasting.ravel()[order]
    shards = np.arange(begins.size)
    sent: dict[tuple[Method, str], list[npt.NDArray[np.int64]]] = {}
    for request in requests:
        sent.setdefault((request.method, request.folder), []).append((begins + request.at * lasting).astype(np.int64))
    return {
        method: _peak({folder: sent[m, folder] for m, folder in sent if m == method}, shards, layout)
        for method in {m for m, _ in sent}
    }


def _peak(sent: dict[str, list[npt.NDArray[np.int64]]], shards: npt.NDArray[np.int64], layout: Layout) -> Peak:
    """Return the peak of requests, given as the second in which each shard sends them, by folder."""
    busiest = 0
    for folder, seconds in sent.items():
        prefixes = layout.prefixes(folder, shards)
        places = np.concatenate([second * (prefixes.max() + 1) + prefixes for second in seconds])
        busiest = max(busiest, int(np.bincount(places).max()))
    every = [second for seconds in sent.values() for second in seconds]
    return Peak(busiest, int(np.bincount(np.concatenate(every)).max()))


def by_chunk(shard: RecordedShard) -> list[Request]:
    """Return the requests of a shard if each column chunk were fetched with a request of its own."""
    fetched = [request for request in shard.requests if request.method == "GET"]
    first, last = fetched[0].at, fetched[-1].at
    chunks = (first + (last - first) * number / shard.chunks for number in range(shard.chunks))
    others = [request for request in shard.requests if request.method != "GET"]
    return [*(fetched[0]._replace(at=at) for at in chunks), *others]


def _page(inputs: dict[str, Any], shard: RecordedShard) -> str:
    stage, assumed = inputs["stage"], inputs["assumed"]
    seconds = shard.cpu_seconds * assumed["seconds_per_vcpu_second"] + assumed["seconds_per_shard"]
    shards = math.ceil(_RUN_ROWS / shard.rows)
    groups = math.ceil(shards / stage["shards_per_merge"])
    per_group = math.ceil(shards / groups)
    per_file = max(1, round(assumed["file_bytes"] / shard.read_bytes))
    one, spread = Layout(1, None, per_file), Layout(assumed["raw_prefixes"], per_group, per_file)
    ways = {
        "one GET for each column chunk, one prefix": (by_chunk(shard), one),
        "one GET for each run of chunks, one prefix": (shard.requests, one),
        "**one GET for each run of chunks, keys spread** (as it is)": (shard.requests, spread),
    }
    lines = [
        _line(title, at_once, simulate(requests, at_once, seconds, layout))
        for at_once in AT_ONCE
        for title, (requests, layout) in ways.items()
    ]
    return f"""# Requests a second

    ./quickstart bench rates

records what Clean asks of S3 for one shard, and simulates thousands of Cleans at once. S3 promises {LIMITS["GET"]:,} GETs and {LIMITS["PUT"]:,} PUTs a second
[for each prefix](https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html). Nothing here ran in an AWS account.

Recorded on {datetime.now(UTC):%Y-%m-%d}: a shard of {shard.rows:,} rows, {shard.read_bytes / 1e6:.0f} MB, takes {shard.number("GET")} GETs and {shard.number("PUT")} PUTs. It has {shard.chunks} column chunks.

| Cleans at once | | GET/s, busiest prefix | of the limit | PUT/s, busiest prefix | of the limit | GET/s, all |
|--:|---|--:|--:|--:|--:|--:|
{chr(10).join(lines)}

*Of the limit* is what the busiest prefix gets in its busiest second, as a share of what S3 promises: below 1, S3 keeps up.

## Assumptions
- A run of {_RUN_ROWS:.0e} rows: {shards:,} shards in {groups} groups of {per_group}. The objects of a group have a prefix of their own.
- Files of {assumed["file_bytes"] / 1e9:g} GB. Their copies have one of {assumed["raw_prefixes"]} prefixes, by a digest of the name. Each folder of a run counts as a prefix.
- A shard takes {seconds:.1f} s: {assumed["seconds_per_vcpu_second"]} times the processor's time here, and {assumed["seconds_per_shard"]} s more. Shards differ: they take {_SHORTEST} to {_LONGEST} times as long. Requests keep their places in this time.
- All Cleans begin at the same moment, which is the worst case. Lambda starts 1,000 in ten seconds.
- **S3 has split the prefixes.** It does so under load, over minutes, and a new run has new prefixes. Before that, *GET/s, all* counts. S3 then answers `503 Slow Down`; botocore waits and
  tries again, up to five times, and Step Functions tries a failed shard again. Raise `max_concurrency` step by step.
"""


def _line(title: str, at_once: int, peaks: dict[Method, Peak]) -> str:
    shares = {method: peaks[method].busiest / limit for method, limit in LIMITS.items()}
    get, put = peaks["GET"], peaks["PUT"]
    return (
        f"| {at_once:,} | {title} | {get.busiest:,} | {shares['GET']:.2f} | {put.busiest:,} | {shares['PUT']:.2f} |"
        f" {get.all:,} |"
    )


if __name__ == "__main__":
    main()
