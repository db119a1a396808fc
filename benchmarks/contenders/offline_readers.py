"""The readers of `model.json`, in Python and JavaScript, as the how-to prints them."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from benchmarks.json_customers import as_json

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs/how-to/use-the-model-offline.md"
# It comes with the project's environment.
_NODE = _ROOT / ".venv/bin/node"
# Node reads the document and a line for each customer. It writes the milliseconds of all lookups, and the answers.
_DRIVER = """
import { readFileSync } from "node:fs";
const [document, ...customers] = readFileSync(0, "utf8").split("\\n").map((line) => JSON.parse(line));
const model = new OfflineModel(document);
const answer = (customer) => {
  try { return model.lookUp(customer); } catch (error) { return { problem: error.message }; }
};
const started = performance.now();
const answers = customers.map(answer);
const taken = performance.now() - started;
process.stdout.write([taken, ...answers].map((each) => JSON.stringify(each)).join("\\n"));
"""

type Document = dict[str, Any]


class Answered(NamedTuple):
    """The answers to customers, in their order, and the seconds that the lookups took; a problem is an answer, too."""

    seconds: float
    answers: list[dict[str, Any]]


def code_of(language: str) -> str:
    """Return the reader in a language: the one block of code of the page in it."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


def python_reader(document: Document) -> Callable[[Any], dict[str, Any]]:
    """Return what answers a customer with the reader in Python."""
    module = ModuleType("reader")
    exec(compile(code_of("python"), str(PAGE), "exec"), vars(module))  # noqa: S102 - it is our own
    model = module.OfflineModel(document)

    def look_up(customer: object) -> dict[str, Any]:
        try:
            found: dict[str, Any] = model.look_up(customer)
        except LookupError as problem:
            return {"problem": str(problem)}
        return found

    return look_up


def in_python(document: Document, asked: Sequence[object]) -> Answered:
    """Answer customers with the reader in Python."""
    look_up = python_reader(document)
    started = time.perf_counter()
    answers = [look_up(customer) for customer in asked]
    return Answered(time.perf_counter() - started, answers)


def in_javascript(document: Document, asked: Sequence[object]) -> Answered:
    """Answer customers with the reader in JavaScript, in one process of Node."""
    lines = "\n".join([json.dumps(document), *map(as_json, asked)])
    ended = run_node("--input-type=module", "--eval", code_of("javascript") + _DRIVER, given=lines)
    milliseconds, *answers = map(json.loads, ended.split("\n"))
    return Answered(milliseconds / 1e3, answers)


def run_node(*arguments: str, given: str) -> str:
    """Run the project's Node with an input; return its output, or raise `RuntimeError` with its errors."""
    ended = subprocess.run([_NODE, *arguments], input=given, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return ended.stdout


READERS: dict[str, Callable[[Document, Sequence[object]], Answered]] = {
    "the reader in Python": in_python,
    "the reader in JavaScript": in_javascript,
}
