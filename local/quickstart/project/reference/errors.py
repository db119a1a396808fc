"""The page of errors, made from their classes and the table of the API's problems."""

import inspect

from local.quickstart.project.reference import markdown
from voucher_selection.api import problems
from voucher_selection.domain import errors


def page() -> str:
    """Return the page."""
    return markdown.page(
        "Errors",
        "errors.py and problems.py",
        "## Of a run",
        "The class is the `Error` of the failed execution, the message its `Cause`: what was expected, what came, and"
        " what to do. After any failure the served model stays served.",
        markdown.table(["error", "what is wrong"], [_row(error) for error in _of_runs()]),
        "## Of the API",
        "A problem (RFC 9457) has a `code`, which does not change between versions. The page of the"
        " [API](../api.md#problems) also lists the answers of API Gateway.",
        markdown.table(
            ["status", "code", "what is wrong"],
            [
                [str(status.value), f"`{code}`", markdown.docstring(error)]
                for error, (status, code) in sorted(problems.PROBLEMS.items(), key=lambda known: known[1])
            ],
        ),
    )


def _of_runs() -> list[type[Exception]]:
    """Return the errors of runs in the order of their declaration; the other errors are only of the API."""
    declared = {kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)}
    of_answers = {errors.VoucherSelectionError, errors.NoRun, errors.UnknownCountry, errors.NoSegment, errors.NoSupport}
    return sorted(declared - of_answers, key=lambda kind: inspect.getsourcelines(kind)[1])


def _row(error: type[Exception]) -> list[str]:
    return [f"`{error.__name__}`", markdown.docstring(error)]
