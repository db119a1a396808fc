"""How long a newcomer waits, before and after a change: `./quickstart bench start` measures it and writes its page.

Both versions are commits of this repository. They take turns on one machine: in each round, each is cloned into a new
folder, with empty caches, and runs there with an emulator of its own. What is waited for is a real answer of the API.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx
import pyarrow.parquet as pq

from benchmarks.ports import free_port
from local.quickstart.here.sample import sample_history

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/start.md"
BEFORE = "bbbe313ce"
"""The commit before the start was made shorter."""
ROUNDS, CALLS, ROWS = 3, 5, 285_570
_CACHES = {
    "UV_CACHE_DIR": "uv",
    "PIP_CACHE_DIR": "pip",
    "npm_config_cache": "npm",
    "XDG_CACHE_HOME": "cache",
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": "jsii",  # where the CDK's library is unpacked
}
_NOT_INHERITED = ("VOUCHER_SELECTION_", "PYTHON", "VIRTUAL_ENV", "UV")
_MOMENTS = {
    "Installing ": "the tools are installed",
    "Starting the emulator": "the emulator answers",
    "Building the functions": "the stack is synthesized",
    "Deploying": "the stack is deployed",
}
"""How lines of the quickstart begin, and what is true when they are printed."""
_LOOKED_UP = "**the first lookup is answered**"
_LOOKUP = ("lookup", "--country", "Peru", "--segment-name", "recency_segment", "--last-order", "2018-05-03")
_CALLED: dict[str, tuple[str, ...]] = {"--help": ("--help",), "status": ("status",), "lookup": _LOOKUP}

type Times = dict[tuple[str, str], list[float]]
"""Seconds by the title of a table and a line of it."""


class Line(NamedTuple):
    """A line of the quickstart, and the moment in which it was printed."""

    moment: float
    text: str


class Clone:
    """A new clone of a commit with empty caches, in a folder of its own."""

    def __init__(self, commit: str, folder: Path) -> None:
        self.folder, self.program = folder, folder / "clone/quickstart"
        _git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder / "clone"))
        _git("-C", str(folder / "clone"), "checkout", "--quiet", "--detach", commit)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        caches = {name: str(folder / cache) for name, cache in _CACHES.items()}
        own = {"VOUCHER_SELECTION_PORT": str(free_port()), "COLUMNS": "400"}
        self._environment = inherited | caches | own

    def seconds(self, *arguments: str) -> float:
        """Return how long a command takes."""
        began = time.monotonic()
        self._ended(arguments, [])
        return time.monotonic() - began

    def start(self) -> dict[str, float]:
        """Run in the background, and ask what it says to try; return the seconds until each moment."""
        began, lines = time.monotonic(), list[Line]()
        _ask(self._ended(("run", "-d"), lines))
        answered = time.monotonic()
        moments = {
            moment: line.moment - began
            for line in lines
            for beginning, moment in _MOMENTS.items()
            if line.text.removeprefix("✓ ").startswith(beginning)
        }
        return {**moments, _LOOKED_UP: answered - began}

    def stop(self) -> None:
        """Stop the emulator."""
        self._ended(("stop",), [])

    def _ended(self, arguments: Sequence[str], lines: list[Line]) -> str:
        """Return what a command printed; `lines` get what it said meanwhile."""
        command = [str(self.program), *arguments]
        with subprocess.Popen(
            command,
            env=self._environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        ) as process:
            told, answer = process.stderr, process.stdout
            assert told and answer  # noqa: S101 - they are pipes
            reader = threading.Thread(target=lambda: lines.extend(Line(time.monotonic(), line) for line in told))
            reader.start()
            printed = answer.read()
            reader.join()
        if process.returncode:
            said = "".join(line.text for line in lines)
            raise SystemExit(f"{shlex.join(command)} failed (exit code {process.returncode}):\n{said}")
        return printed


def main() -> None:
    """Measure both commits, print a table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, help="the commit to compare with; default: %(default)s")
    parser.add_argument("--after", default="HEAD", help="the commit to measure; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each; default: %(default)s")
    parser.add_argument("--no-report", action="store_true", help="only print")
    options = parser.parse_args()
    commits = {"before": _commit(options.before), "after": _commit(options.after)}
    load = os.getloadavg()[0]
    times = measure(commits, options.rounds)
    page = _page(times, commits, options.rounds, load)
    print(page)
    if not options.no_report:
        PAGE.write_text(page, encoding="utf-8")


def measure(commits: Mapping[str, str], rounds: int) -> dict[str, Times]:
    """Return the seconds of each version, in turns."""
    times: dict[str, Times] = {version: defaultdict(list) for version in commits}
    with tempfile.TemporaryDirectory(prefix="start-", dir="/var/tmp") as work:  # gigabytes: not for a tmpfs
        history = Path(work) / "history.parquet"
        pq.write_table(sample_history(ROWS), history)
        for number in range(rounds):
            for version, commit in commits.items():
                print(f"round {number + 1} of {rounds}, {version} ({commit[:9]}) …", flush=True)
                with _cloned(commit, Path(work) / f"{version}-{number}") as clone:
                    for line, seconds in _of(clone, history):
                        times[version][line].append(seconds)
    return times


_FRESH, _DOWN = "A new clone, empty caches", "Everything is installed, the emulator is down"
_UP = "The emulator is up"
_RUN = f"a run of {ROWS:,} rows"


def _of(clone: Clone, history: Path) -> Iterator[tuple[tuple[str, str], float]]:
    for moment, seconds in clone.start().items():
        yield (_FRESH, moment), seconds
    for name, arguments in _CALLED.items():
        for _ in range(CALLS):
            yield (_UP, f"`{name}`"), clone.seconds(*arguments)
    for _ in range(CALLS):
        yield (_UP, _RUN), clone.seconds("run", "-d", "--source", str(history))
    clone.stop()
    for moment, seconds in clone.start().items():
        yield (_DOWN, moment), seconds


@contextmanager
def _cloned(commit: str, folder: Path) -> Iterator[Clone]:
    folder.mkdir()
    clone = Clone(commit, folder)
    try:
        yield clone
    except BaseException:
        with suppress(SystemExit):  # why it failed matters more
            clone.stop()
        raise
    else:
        clone.stop()
    finally:
        shutil.rmtree(folder)


def _ask(printed: str) -> None:
    """Send the request that a run says to try; raise `SystemExit` unless the API answers it with an amount."""
    tries = [shlex.split(line) for line in printed.splitlines() if line.startswith("curl ")]
    if not tries:
        raise SystemExit(f"expected a line with curl to try, got:\n{printed}")
    (curl,) = tries
    address, body = next(part for part in curl if part.startswith("https://")), curl[curl.index("-d") + 1]
    answer = httpx.post(address, json=json.loads(body), verify=False, timeout=60, trust_env=False)  # noqa: S501 - the emulator signs its certificate itself
    if answer.status_code != 200 or "voucher_amount" not in answer.json():
        raise SystemExit(f"expected an amount from {address}, got {answer.status_code}: {answer.text}")


def _commit(name: str) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--verify", f"{name}^{{commit}}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"expected a commit of this clone, got {name!r}: git fetch --unshallow gets older ones")
    return done.stdout.strip()


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, stdout=subprocess.DEVNULL)


def _page(times: Mapping[str, Times], commits: Mapping[str, str], rounds: int, load: float) -> str:
    def table(title: str, what: str, text: Callable[[float], str]) -> str:
        lines = dict.fromkeys(line for of in times.values() for heading, line in of if heading == title)
        rows = (_row(line, [times[version].get((title, line), []) for version in commits], text) for line in lines)
        return "\n".join((f"| {what} | before, s | after, s | ratio |", "|---|--:|--:|--:|", *rows))

    def tenths(seconds: float) -> str:
        return f"{seconds:.1f}"

    def hundredths(seconds: float) -> str:
        return f"{seconds:.2f}"

    return f"""# The first minute

    ./quickstart bench start

measures how long a newcomer waits, before and after: commits `{commits["before"][:9]}` and `{commits["after"][:9]}`. They take turns; the figures are medians of {rounds} round{"s" * (rounds > 1)}.

## {_FRESH}
Seconds from the start of `./quickstart run -d` until …

{table(_FRESH, "until", tenths)}

## {_DOWN}

{table(_DOWN, "until", tenths)}

## {_UP}

{table(_UP, "command", hundredths)}

- What is done at the same time ends in one moment or the other: each line counts from the start of the command.
- The first lookup is the request that `run` says to try. The API answers it with an amount.
- In a new clone, the caches of uv, pip, npm and the CDK's library are empty folders: all packages are downloaded, and how fast depends on the network.
- A run while the emulator is up is the whole command, which uploads the file first: `./quickstart run -d --source history.parquet`. Commands are called {CALLS} times a round.

Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} shared cores ({platform.machine()}), Python {platform.python_version()}; the load average was {load:.1f} before.
"""


def _row(line: str, versions: Sequence[Sequence[float]], text: Callable[[float], str]) -> str:
    medians = [median(seconds) if seconds else None for seconds in versions]
    before, after = medians
    ratio = f"{after / before:.2f}" if before and after else "-"
    cells = ("-" if seconds is None else text(seconds) for seconds in medians)
    return f"| {line} | {' | '.join(cells)} | {ratio} |"


if __name__ == "__main__":
    main()
