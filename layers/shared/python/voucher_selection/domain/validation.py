"""Turn pydantic's validation errors into the problems that our error messages list."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import AfterValidator, ValidationError

# Enough for a request that is wrong everywhere, and the message stays small.
_MOST_PROBLEMS = 50
_MOST_NAMES = 20


class FieldProblem(NamedTuple):
    """An invalid field, and why it is invalid; `field` is a dotted path, empty for the whole input."""

    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


def field_problems(error: ValidationError) -> Iterator[FieldProblem]:
    """Yield a problem for each invalid field, with its value if that is short: at most 50, then the number left."""
    for found in error.errors(include_url=False)[:_MOST_PROBLEMS]:
        detail = found["msg"].removeprefix("Value error, ")
        if found["type"] not in {"missing", "value_error", "json_invalid"} and not isinstance(
            found["input"], dict | list
        ):
            detail = f"{detail}, got {str(found['input'])[:80]!r}"
        yield FieldProblem(_shown(".".join(map(str, found["loc"]))), detail)
    if error.error_count() > _MOST_PROBLEMS:
        yield FieldProblem("", f"and {error.error_count() - _MOST_PROBLEMS:,} more problems")


def describe(error: ValidationError) -> list[str]:
    """Return the problems of `error` as text, each with its field."""
    return [str(problem) for problem in field_problems(error)]


def listed(names: Sequence[str]) -> str:
    """Return names for a message: the first 20, and the number of the others."""
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _shown(text: str) -> str:
    """Return a name from outside: cut to 200 characters, with unprintable ones escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:200])


def without_controls(text: str) -> str:
    """Return the text; raise `ValueError` if it has a control character or half of a character (a surrogate)."""
    found = next((character for character in text if unicodedata.category(character) in {"Cc", "Cs"}), None)
    if found is not None:
        raise ValueError(f"expected text without control characters, got {found!r} in {text[:80]!r}")
    return text


WITHOUT_CONTROLS = AfterValidator(without_controls)
