"""What pydantic found wrong, in the words of our errors."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import AfterValidator, ValidationError

# Of a request that is wrong everywhere this says enough, and what is said of it stays small.
_MOST_PROBLEMS = 50
_MOST_NAMES = 20


class FieldProblem(NamedTuple):
    """One field that cannot be used, and why; `field` is a dotted path, empty for the whole."""

    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


def field_problems(error: ValidationError) -> Iterator[FieldProblem]:
    """Yield one problem per field that failed, with what came where that is short enough to show; the first of them."""
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
    """Return the problems of `error` as sentences."""
    return [str(problem) for problem in field_problems(error)]


def listed(names: Sequence[str]) -> str:
    """Return names as a message has them: the first of them, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _shown(text: str) -> str:
    """Return a name that came from outside, cut, and with what cannot be printed escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:200])


def without_controls(text: str) -> str:
    """Return a text that has no control characters and is Unicode.

    Raises
    ------
    ValueError
        It has a NUL, a line break or the like, or half of a character (a surrogate).
    """
    found = next((character for character in text if unicodedata.category(character) in {"Cc", "Cs"}), None)
    if found is not None:
        raise ValueError(f"expected text without control characters, got {found!r} in {text[:80]!r}")
    return text


WITHOUT_CONTROLS = AfterValidator(without_controls)
