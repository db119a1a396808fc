"""Workers, two at a time: what each fault did to the one that was given it, be it to crash or to hang."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Timer
from typing import IO

from tests.environment import function_environment
from tests.faults.worker import Ended
from tests.product import ROOT

_WORKERS = 2
_TIME_LIMIT = 60  # seconds, for the start of a worker as well
# An arena of its own for every thread would take most of the address space that a worker is limited to.
# The logger and the metrics are made when they are imported, and write where the worker answers.
_ENVIRONMENT = (
    os.environ
    | function_environment()
    | {
        "MALLOC_ARENA_MAX": "2",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in (".", "lambdas", "layers/shared/python")),
    }
)


def ended(names: Iterable[str], folder: Path) -> dict[str, Ended]:
    """Return how each fault ended; one that its worker died of has the error `Crashed`, and the next a new worker.

    Parameters
    ----------
    folder
        Where the workers' standard error is kept.
    """
    waiting: Queue[str] = Queue()
    for name in names:
        waiting.put(name)
    with ThreadPoolExecutor(_WORKERS) as threads:
        found = threads.map(lambda number: list(_work(waiting, folder / f"worker-{number}.log")), range(_WORKERS))
        return {name: how for some in found for name, how in some}


def _work(waiting: Queue[str], log: Path) -> Iterator[tuple[str, Ended]]:
    while not waiting.empty():
        with log.open("a", encoding="utf-8") as errors, _worker(errors) as worker:
            while worker.poll() is None:
                try:
                    name = waiting.get_nowait()
                except Empty:
                    return
                yield name, _given(worker, name, log)


@contextmanager
def _worker(errors: IO[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.faults.worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
    with subprocess.Popen(command, text=True, cwd=ROOT, env=_ENVIRONMENT, **pipes) as worker:
        yield worker


def _given(worker: subprocess.Popen[str], name: str, log: Path) -> Ended:
    limit = Timer(_TIME_LIMIT, worker.kill)
    limit.start()
    try:
        worker.stdin.write(json.dumps(name) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
    except BrokenPipeError:
        answer = ""
    finally:
        limit.cancel()
    if answer:
        return Ended(**json.loads(answer))
    said = " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
    message = f"the process ended with {worker.wait()}, after at most {_TIME_LIMIT} seconds: {said}"
    return Ended("Crashed", message)
