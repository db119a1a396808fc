"""One contender, measured in this process: `python -m benchmarks.one ours count FILE COUNTRY CALLS` prints JSON."""

import contextlib
import importlib
import json
import re
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory


def measure(contender: str, task: str, file: Path, country: str, calls: int) -> dict[str, object]:
    """Do the task `calls` times; return a call's median seconds, the peak memory in MiB, and the answer's digest."""
    module = importlib.import_module(f"benchmarks.contenders.{contender}")
    seconds, cpu_seconds, digests = [], [], set()
    with getattr(module, "session", contextlib.nullcontext)():
        for _ in range(calls):
            with TemporaryDirectory(prefix="bench-") as folder:
                arguments = (file, country, Path(folder)) if task == "write" else (file, country)
                started, cpu_started = time.perf_counter(), time.process_time()
                answer = getattr(module, task)(*arguments)
                seconds.append(time.perf_counter() - started)
                cpu_seconds.append(time.process_time() - cpu_started)
                digests.add(answer.digest())
    (digest,) = digests
    return {
        "seconds": statistics.median(seconds),
        "cpu_seconds": statistics.median(cpu_seconds),
        "peak_mib": _peak_mib(),
        "digest": digest,
    }


def _peak_mib() -> float:
    """Return the peak of this process; `ru_maxrss` may be that of the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")


if __name__ == "__main__":
    name, task, file, country, calls = sys.argv[1:]
    print(json.dumps(measure(name, task, Path(file), country, int(calls))))
