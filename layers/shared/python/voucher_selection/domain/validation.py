"""What pydantic found wrong, in the words of our errors."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError


class FieldProblem(NamedTuple):
    """One field that cannot be used, and why; `field` is a dotted path, empty for the whole."""

    field: str
    detail: str

    def __str__(self) -> str:
        return f"{self.field}: {self.detail}" if self.field else self.detail


def field_problems(error: ValidationError) -> Iterator[FieldProblem]:
    """Yield one problem per field that failed, with what came where that is short enough to show."""
    for found in error.errors(include_url=False):
        detail = found["msg"].removeprefix("Value error, ")
        if found["type"] not in {"missing", "value_error", "json_invalid"} and not isinstance(
            found["input"], dict | list
        ):
            detail = f"{detail}, got {str(found['input'])[:80]!r}"
        yield FieldProblem(".".join(map(str, found["loc"])), detail)


def describe(error: ValidationError) -> list[str]:
    """Return the problems of `error` as sentences."""
    return [str(problem) for problem in field_problems(error)]
