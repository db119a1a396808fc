"""The API in the emulator under load: `./quickstart bench load` asks it over 16, 64 and 256 connections.

With `--before REF` it also starts the API of an earlier commit, asks both in turn, and writes docs/load.md.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.open_connections import Load, send
from benchmarks.ports import free_port
from voucher_selection.api.examples import CUSTOMER

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".local/bench/load"
CONNECTIONS = (16, 64, 256)
ROUNDS = 3
SECONDS = 600
_WORKTREE = (shutil.which("git") or "git", "worktree")
_BODY = json.dumps(CUSTOMER).encode()


class Served(NamedTuple):
    """An API that serves: its address by HTTP, and the process of its emulator."""

    url: str
    emulator: psutil.Process

    def memory_mib(self) -> float:
        """Return what the emulator's process holds."""
        return self.emulator.memory_info().rss / 2**20


class Growth(NamedTuple):
    """The emulator's memory before and after so many requests, in MiB."""

    requests: int
    before: float
    after: float


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(prog="./quickstart bench load", description=__doc__)
    parser.add_argument("--before", metavar="REF", help="a commit to compare with")
    parser.add_argument("--requests", type=int, default=600, help="in each round, over each number of connections")
    parser.add_argument("--long", type=int, default=50_000, help="requests between two looks at the memory")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        apis = {"now": stack.enter_context(served(ROOT, "now"))}
        if chosen.before:
            apis = {"before": stack.enter_context(_of_commit(chosen.before)), **apis}
        loads = measure(apis, chosen.requests)
        growth = grow(apis["now"], chosen.long)
    page = _page(loads, growth, chosen.before)
    (ROOT / "docs/load.md").write_text(page, encoding="utf-8")
    print(page)


def measure(apis: dict[str, Served], requests: int) -> dict[tuple[str, int], list[Load]]:
    """Ask each API in turn, round by round, so that what else the machine does is no difference between them."""
    for api in apis.values():
        send(api.url, _BODY, requests, CONNECTIONS[0])  # the environments start, and caches fill
    loads: dict[tuple[str, int], list[Load]] = {(name, of): [] for name in apis for of in CONNECTIONS}
    for _ in range(ROUNDS):
        for connections in CONNECTIONS:
            for name, api in apis.items():
                load = send(api.url, _BODY, requests, connections)
                loads[name, connections].append(load)
                print(f"{name}, {connections} connections: {load.per_second:.0f} a second, {dict(load.statuses)}")
    return loads


def grow(api: Served, requests: int) -> Growth:
    """Look at the memory around many requests."""
    before = api.memory_mib()
    send(api.url, _BODY, requests, CONNECTIONS[0])
    return Growth(requests, before, api.memory_mib())


@contextlib.contextmanager
def served(checkout: Path, name: str) -> Iterator[Served]:
    """Start the emulator of a checkout, deploy its product in it, and stop it afterwards."""
    # Short: the path of a socket in it has an end.
    state = PLACE / name
    environment = {**os.environ, "VOUCHER_SELECTION_STATE": str(state)}

    def quickstart(*arguments: str) -> str:
        command = [str(checkout / "quickstart"), *arguments]
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    port = free_port()
    try:
        quickstart("run", "-d", "--port", str(port))
        status: dict[str, Any] = json.loads(quickstart("status", "--json"))
        url = f"{status['api_url'].rstrip('/')}/voucher".replace("https://", "http://")
        yield Served(url, _listening(port))
    finally:
        quickstart("stop")


def _listening(port: int) -> psutil.Process:
    listening = (one for one in psutil.net_connections("tcp4") if one.status == psutil.CONN_LISTEN)
    return next(psutil.Process(one.pid) for one in listening if one.laddr and one.laddr.port == port)


@contextlib.contextmanager
def _of_commit(ref: str) -> Iterator[Served]:
    checkout = PLACE / "checkout"
    subprocess.run([*_WORKTREE, "add", "--force", "--detach", checkout, ref], cwd=ROOT, check=True)
    try:
        with served(checkout, "before") as api:
            yield api
    finally:
        subprocess.run([*_WORKTREE, "remove", "--force", checkout], cwd=ROOT, check=True)


def _page(loads: dict[tuple[str, int], list[Load]], growth: Growth, before: str | None) -> str:
    lines = [_line(name, connections, rounds) for (name, connections), rounds in sorted(loads.items(), key=_order)]
    compared = f" beside commit `{before}`" if before else ""
    command = f"./quickstart bench load{f' --before {before}' if before else ''}"
    requests = next(iter(loads.values()))[0].statuses.total()
    return f"""# The API in the emulator under load

    {command}

asks the API for the same customer over connections that stay open{compared}. The client has the same processors.
Measured on {datetime.now(UTC):%Y-%m-%d} ({os.process_cpu_count()} processors) in {ROUNDS}
rounds of {requests:,} requests. The figures are medians of the rounds; the slowest answer is that of all rounds.

| | connections | served a second | p50, ms | p99, ms | slowest, ms | refused |
|---|--:|--:|--:|--:|--:|---|
{chr(10).join(lines)}

The emulator's process holds {growth.before:.0f} MiB before {growth.requests:,} more requests, and
{growth.after:.0f} MiB after them.

- A refused request is answered 429 with `Retry-After`, after 1.5 s at most if 32 others waited before it.
- The figures are of the emulator and this machine. On AWS, API Gateway and Lambda have other limits.
"""


def _order(item: tuple[tuple[str, int], list[Load]]) -> tuple[int, str]:
    (name, connections), _ = item
    return connections, name


def _line(name: str, connections: int, rounds: list[Load]) -> str:
    def median(values: Iterator[float]) -> str:
        return f"{statistics.median(values):,.0f}"

    refused = {status: sum(load.statuses[status] for load in rounds) for load in rounds for status in load.statuses}
    others = ", ".join(f"{count:,} with {status}" for status, count in sorted(refused.items()) if status != 200)
    figures = [
        median(load.per_second for load in rounds),
        median(load.served_ms_at(0.5) for load in rounds),
        median(load.served_ms_at(0.99) for load in rounds),
        f"{max(max(load.served_ms, default=0.0) for load in rounds):,.0f}",
    ]
    return f"| {name} | {connections} | {' | '.join(figures)} | {others or '-'} |"


if __name__ == "__main__":
    main()
