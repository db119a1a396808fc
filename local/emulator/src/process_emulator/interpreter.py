"""The interpreter that functions run with: its version, and where its files are."""

from __future__ import annotations

import functools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

RUNTIME = "python3.13"
_QUESTION = """
import importlib.util, json, os, sys
print(json.dumps({
    "runtime": "python%d.%d" % sys.version_info[:2],
    "has_client": importlib.util.find_spec("awslambdaric") is not None,
    "folders": sorted({sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)}),
}))
"""


class InterpreterError(Exception):
    """The interpreter for functions cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that can run functions; `folders` are those that it reads its own files from."""

    executable: Path
    folders: tuple[Path, ...]


@functools.cache
def inspect_interpreter(executable: Path) -> Interpreter:
    """Ask the interpreter about itself; raise InterpreterError unless it is Python 3.13 with awslambdaric."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True, timeout=30
        )
        facts = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InterpreterError(f"--lambda-python {executable} does not run as a Python interpreter: {error}") from error
    if facts["runtime"] != RUNTIME or not facts["has_client"]:
        found = f"{facts['runtime']} {'with' if facts['has_client'] else 'without'} awslambdaric"
        raise InterpreterError(
            f"--lambda-python {executable}: expected {RUNTIME} with awslambdaric, found {found}; "
            "give the interpreter of an environment made from runtime-requirements.txt"
        )
    return Interpreter(executable, tuple(Path(folder) for folder in facts["folders"]))
