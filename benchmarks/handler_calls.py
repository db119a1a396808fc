"""How long warm calls of the API's handler take: `python -m benchmarks.handler_calls` prints it as JSON.

It is the whole handler as Lambda calls it, Powertools and its line of metrics (to /dev/null) included, with the model
in memory. CPU time per call stands beside the wall time: other processes of the machine prolong only the latter.
"""

import json
import os
import random
import sys
import time
from contextlib import redirect_stdout
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infra_cdk import environments
from infra_cdk.stages import stage as stage_named

ROOT = Path(__file__).parents[1]
ROUNDS, CALLS, BULK_CALLS, CUSTOMERS = 5, 3_000, 60, 1_000
_CONTEXT = SimpleNamespace(
    function_name="api", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="benchmark"
)


def customers(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return customers, no two alike, who all have a segment on 2018-09-15."""
    drawn = random.Random(seed)
    newest = datetime(2018, 8, 1)  # noqa: DTZ001 - a history's times have no zone
    return [
        {
            "customer_id": number,
            "country_code": "Peru",
            "segment_name": drawn.choice(["frequent_segment", "recency_segment"]),
            "total_orders": drawn.randint(1, 60),
            "last_order_ts": str(newest - timedelta(minutes=drawn.randrange(130 * 24 * 60))),
            "first_order_ts": str(newest - timedelta(days=400, minutes=drawn.randrange(365 * 24 * 60))),
        }
        for number in range(count)
    ]


def event(path: str, body: str) -> dict[str, Any]:
    """Return the event of API Gateway's Lambda proxy integration."""
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "localhost",
        "User-Agent": "benchmark",
        "X-Forwarded-For": "127.0.0.1",
    }
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "requestContext": {"stage": "local", "requestId": "r", "path": f"/local{path}", "httpMethod": "POST"},
        "body": body,
        "isBase64Encoded": False,
    }


def _handler() -> Any:  # noqa: ANN401 - a module that is imported once its path and settings are there
    sys.path[:0] = [str(ROOT / "lambdas"), str(ROOT / "layers/shared/python")]
    stage, stores = stage_named("local"), environments.Stores("none", "none")
    os.environ |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        **environments.powertools(stage, "api", "VoucherSelection"),
        **environments.api(stage, stores, state_machine_arn="none", what_if_function="none"),
    }
    from api import context, handler  # noqa: PLC0415
    from voucher_selection.adapters.catalog_items import Pointer  # noqa: PLC0415
    from voucher_selection.domain.model import AmountCount, CountsOrigin, Model, SegmentMode  # noqa: PLC0415
    from voucher_selection.domain.segments import shipped_definitions  # noqa: PLC0415

    definitions = shipped_definitions()
    amounts = (AmountCount(2640.0, 3), AmountCount(3520.0, 1))
    modes = tuple(
        SegmentMode("Peru", segmentation.name, segment, lower, upper, amounts)
        for segmentation in definitions.segmentations
        for segment, (lower, upper) in segmentation.bounds.items()
    )
    model = Model(
        version="v1",
        run_id="run",
        counts=CountsOrigin("run"),
        cur_date=date(2018, 9, 15),
        published_at=datetime.now(UTC),
        countries=("Peru",),
        definitions=definitions,
        modes=modes,
    )
    catalog: Any = SimpleNamespace(pointer=lambda: Pointer("v1", None, "v1"), read=lambda _: model)
    context.models._catalog = catalog
    return handler


def _quantiles(handler: Any, events: list[dict[str, Any]], calls: int) -> dict[str, float]:  # noqa: ANN401
    """Wall and CPU microseconds of a call: the medians over the rounds of each round's p50 and p99."""
    rounds = []
    for _ in range(ROUNDS):
        walls, cpus = [], []
        for number in range(calls):
            request = events[number % len(events)]
            wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
            answer = handler.lambda_handler(request, _CONTEXT)
            cpus.append(time.thread_time_ns() - cpu)
            walls.append(time.perf_counter_ns() - wall)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"expected 200, got {answer}")
        rounds.append(
            {
                f"{kind}_{name}": sorted(times)[int(len(times) * part)] / 1e3
                for kind, times in (("wall", walls), ("cpu", cpus))
                for name, part in (("p50", 0.5), ("p99", 0.99))
            }
        )
    return {name: sorted(found[name] for found in rounds)[ROUNDS // 2] for name in rounds[0]}


def main() -> None:
    """Measure, and print one JSON object."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        handler = _handler()
        asked = customers(CUSTOMERS)
        single = [event("/voucher", json.dumps(customer)) for customer in asked]
        bulk = [event("/vouchers", json.dumps({"customers": asked}))]
        _quantiles(handler, single, 200)
        found = {"single": _quantiles(handler, single, CALLS), "bulk": _quantiles(handler, bulk, BULK_CALLS)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
