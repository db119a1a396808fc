"""Call the API's handler very often in one process: `python -m tests.load.handler_calls CALLS` prints what came."""

import json
import os
import sys
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from benchmarks.handler_calls import _handler as loaded_handler
from tests.load.mixture import Request, Served, request

WARM_UP = 5_000
_CONTEXT = SimpleNamespace(
    function_name="api", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="load"
)


def main(calls: int) -> dict[str, Any]:
    """Warm up, make the calls, and return what came: by status, what was wrong, the seconds and the memory's growth."""
    handler = loaded_handler()
    first = _answer(handler, Request("criteria", "GET", "/selection_criteria", 200, bool))
    segments = json.loads(first["body"])["segments"]
    amounts = {(row["segment_name"], row["segment"]): row["voucher_amount"] for row in segments}
    served = Served(amounts, first["multiValueHeaders"]["ETag"][0])
    statuses, kinds, wrong = Counter(), Counter(), []
    for number in range(WARM_UP):
        _answer(handler, request(number, served))
    memory, started = _memory(), time.perf_counter()
    for number in range(WARM_UP, WARM_UP + calls):
        asked = request(number, served)
        answer = _answer(handler, asked)
        statuses[answer["statusCode"]] += 1
        kinds[asked.kind] += 1
        if answer["statusCode"] != asked.status or not asked.is_right(answer["body"]):
            wrong.append((asked.kind, answer["statusCode"], answer["body"][:500]))
    return {
        "statuses": statuses,
        "kinds": kinds,
        "wrong": wrong[:20],
        "seconds": time.perf_counter() - started,
        "grown_bytes": _memory() - memory,
    }


def _answer(handler: Any, asked: Request) -> dict[str, Any]:
    event = {
        "resource": "/{proxy+}",
        "path": asked.path,
        "httpMethod": asked.method,
        "headers": asked.headers,
        "multiValueHeaders": {name: [value] for name, value in asked.headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "stage": "local",
            "requestId": "r",
            "path": f"/local{asked.path}",
            "domainName": "localhost",
        },
        "body": asked.body,
        "isBase64Encoded": False,
    }
    return handler.lambda_handler(event, _CONTEXT)


def _memory() -> int:
    return psutil.Process().memory_info().rss


if __name__ == "__main__":
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        came = main(int(sys.argv[1]))
    json.dump(came, sys.stdout)
