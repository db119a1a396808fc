"""The answers of routes: JSON, pages and problems, each as a response of Powertools' event handler."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from voucher_selection.api import problems
from voucher_selection.api.negotiation import prefers_html

if TYPE_CHECKING:
    from voucher_selection.api.csv_tables import CsvPart

# The header of an answer that is JSON or a page, as `Accept` asks: a cache keeps both.
NEGOTIATED = {"Vary": "Accept"}


def json_answer(status: HTTPStatus, content: object, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return an answer in JSON."""
    return Response(status.value, "application/json", json.dumps(content), headers=headers)


def csv_answer(part: "CsvPart", name: str, headers: Mapping[str, str]) -> Response[str]:
    """Return a table, or a part of it, that browsers keep as a file of this name; a `Link` leads to the next part."""
    from voucher_selection.api.csv_tables import CONTENT_TYPE  # noqa: PLC0415 - keeps a lookup's cold start short

    named = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    link = {"Link": f'<{part.following}>; rel="next"'} if part.following else {}
    return Response(HTTPStatus.OK.value, CONTENT_TYPE, part.text, headers={**headers, **named, **link})


def page_answer(status: HTTPStatus, page: str, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Return a page, with the headers that keep it safe."""
    from voucher_selection.api import pages  # noqa: PLC0415 - keeps a lookup's cold start short

    policy = {"Content-Security-Policy": pages.content_security_policy()}
    return Response(status.value, pages.CONTENT_TYPE, page, headers={**policy, **(headers or {})})


def problem_answer(problem: problems.Problem, accept: str, path: str) -> Response[str]:
    """Return a problem as JSON, or as a page if `accept` prefers one; `path` decides the page's navigation."""
    headers = {**NEGOTIATED, **problem.headers}
    if prefers_html(accept):
        from voucher_selection.api import pages  # noqa: PLC0415 - see above

        page = pages.problem_page(pages.frame_of(path), problem.status.phrase, problem.detail)
        return page_answer(problem.status, page, headers)
    return Response(problem.status.value, problems.CONTENT_TYPE, json.dumps(problem.body()), headers=headers)


def methods_answer(allowed: tuple[str, ...]) -> Response[str]:
    """Return the answer to OPTIONS: the methods of a path."""
    return Response(HTTPStatus.NO_CONTENT.value, body="", headers={"Allow": ", ".join(allowed)})
