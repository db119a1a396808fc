"""The licences of what is shipped to Lambda: the page docs/licences.md, from the metadata of the installed packages."""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import NamedTuple

from layers.build.packages import LAYERS_OF
from local.quickstart.project.supply_chain.locked import SHIPPED, packages

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0", "PSF-2.0", "Zlib"}
)
"""Licences that only need a notice, which is shipped in each package's folder `.dist-info`."""

# Older metadata, which has words in place of an SPDX expression.
_IN_WORDS: Mapping[str, str] = {"Apache License 2.0": "Apache-2.0", "Apache-2.0": "Apache-2.0", "MIT": "MIT"}
# Read in the package's licence file, where the metadata is vague or wrong.
_READ: Mapping[str, str] = {
    "aws-lambda-powertools": "MIT-0",
    "jinja2": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}
_INTRODUCTION = """\
# Licences of what is shipped

The packages of others in the layers and functions. `requirements/shared.txt` and `requirements/analytics.txt` have
their versions. A layer keeps each package's folder `.dist-info` with its licence and notices; pyarrow, numpy and pandas
name there the compiled libraries that they contain. Powertools' wheel does not list the modules of Swagger UI. The
pages' script and style are the project's own; no font and no script comes from elsewhere.

`./quickstart docs --generate` makes this page from the metadata of the installed packages. One test fails if the page
differs from it, another if a licence is not one of these: {allowed}.
"""
_ALL = "all functions"
_BUT_API = ", ".join(name for name, layers in LAYERS_OF.items() if "analytics" in layers)


class Shipped(NamedTuple):
    """A shipped package, its licence as an SPDX expression, and the functions that have it."""

    name: str
    licence: str
    functions: str


# Shipped inside another package.
_INSIDE = (Shipped("Swagger UI (in aws-lambda-powertools)", "Apache-2.0", "api, as `/docs`"),)


def shipped() -> list[Shipped]:
    """Return all shipped packages of others; raise `LookupError` if the licence of one is unknown here."""
    shared, analytics = map(_names, SHIPPED)
    everywhere = [Shipped(name, _licence(name), _ALL) for name in shared]
    others = [Shipped(name, _licence(name), _BUT_API) for name in analytics if name not in shared]
    return [*everywhere, *_INSIDE, *others]


def licences_in(expression: str) -> set[str]:
    """Return the licences that an SPDX expression names."""
    return set(re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", "").replace(")", "")))


def page() -> str:
    """Return the page."""
    rows = [f"| {each.name} | {each.licence} | {each.functions} |" for each in shipped()]
    table = "\n".join(["| package | licence (SPDX) | shipped in |", "|---|---|---|", *rows])
    return f"{_INTRODUCTION.format(allowed=', '.join(sorted(ALLOWED)))}\n{table}\n"


def _names(lock: Path) -> list[str]:
    return [package.name for package in packages([lock]) if _is_installed(package.name)]


def _is_installed(name: str) -> bool:
    """Return whether a package is for this machine: a lock also has those of others, like tzdata for Windows."""
    try:
        metadata(name)
    except PackageNotFoundError:
        return False
    return True


def _licence(name: str) -> str:
    said = metadata(name)
    expression = said.get("License-Expression") or _READ.get(name) or _IN_WORDS.get(said.get("License", ""))
    if not expression:
        raise LookupError(f"{name} says its licence is {said.get('License')!r}: read its licence file and add it here")
    return expression
