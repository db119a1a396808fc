"""Servers that answer `POST /voucher`: peers that ask PostgreSQL for each, and our handler behind one of theirs.

They run in an environment of their own, one process each: `python -m benchmarks.lookup_servers <name> <port>`. The
variable `PEER_DATABASE` is PostgreSQL's connection string.
"""

import json
import logging
import os
import sys
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).parents[1]
CUR_DATE = date(2018, 9, 15)
_QUERY = """
    SELECT voucher_amount, segment, support, share FROM modes
    WHERE country_code = %s AND segment_name = %s AND (
        %s BETWEEN lower AND coalesce(upper, 2147483647) OR lower IS NULL
    )
    ORDER BY lower IS NULL LIMIT 1
"""


def _pool() -> Any:  # noqa: ANN401 - of a package that only this environment has
    from psycopg_pool import ConnectionPool  # noqa: PLC0415

    return ConnectionPool(os.environ["PEER_DATABASE"], min_size=4, max_size=16, open=True)


def _answer(pool: Any, customer: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401
    """Look a customer up as such services do: one query, after the fields have been read."""
    value = int(customer["total_orders"])
    if customer["segment_name"] == "recency_segment":
        value = (CUR_DATE - datetime.fromisoformat(customer["last_order_ts"]).date()).days
    with pool.connection() as connection:
        row = connection.execute(_QUERY, (customer["country_code"], customer["segment_name"], value)).fetchone()
    return row and dict(zip(("voucher_amount", "segment", "support", "share"), row, strict=True))


def fastapi_peer(port: int) -> None:
    """FastAPI with a pydantic model, a connection pool and uvicorn."""
    import uvicorn  # noqa: PLC0415
    from fastapi import FastAPI, HTTPException  # noqa: PLC0415
    from pydantic import BaseModel  # noqa: PLC0415

    class Customer(BaseModel):
        customer_id: int
        country_code: str
        segment_name: str
        total_orders: int
        last_order_ts: datetime
        first_order_ts: datetime

    app, pool = FastAPI(), _pool()

    def voucher(customer: Customer) -> dict[str, Any]:
        found = _answer(pool, customer.model_dump(mode="json"))
        if found is None:
            raise HTTPException(404)
        return found

    app.add_api_route("/voucher", voucher, methods=["POST"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def flask_peer(port: int) -> None:
    """Flask with a connection pool and waitress, 16 threads."""
    from flask import Flask, jsonify, request  # noqa: PLC0415
    from waitress import serve  # noqa: PLC0415

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that waits for a thread
    app, pool = Flask(__name__), _pool()

    def voucher() -> Any:  # noqa: ANN401
        found = _answer(pool, request.get_json())
        return jsonify(found) if found else ("", 404)

    app.add_url_rule("/voucher", view_func=voucher, methods=["POST"])
    serve(app, host="127.0.0.1", port=port, threads=16, _quiet=True)


def our_handler(port: int) -> None:
    """Our handler behind uvicorn, one request at a time as Lambda gives them; its catalog is the emulator's."""
    sys.path[:0] = [str(ROOT / "lambdas"), str(ROOT / "layers/shared/python")]
    import uvicorn  # noqa: PLC0415

    from api.handler import lambda_handler  # noqa: PLC0415
    from benchmarks.handler_calls import event  # noqa: PLC0415

    context: Any = SimpleNamespace(
        function_name="api", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="benchmark"
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's three
        body = b""
        while (message := await receive()).get("more_body", False):
            body += message["body"]
        answer = lambda_handler(event(scope["path"], (body + message["body"]).decode()), context)
        content = answer["body"].encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": content})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off")


def fill(criteria: str) -> None:
    """Make the peers' table from the answer of `GET /selection_criteria`."""
    import psycopg  # noqa: PLC0415

    columns = ("country_code", "segment_name", "segment", "lower", "upper", "voucher_amount", "support", "share")
    with psycopg.connect(os.environ["PEER_DATABASE"]) as connection:
        connection.execute(
            "CREATE TABLE modes (country_code text, segment_name text, segment text, lower int, upper int,"
            " voucher_amount float8, support int, share float8, PRIMARY KEY (country_code, segment_name, segment))"
        )
        for row in json.loads(criteria)["segments"]:
            connection.execute(
                f"INSERT INTO modes ({', '.join(columns)}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [row[name] for name in columns],
            )
        connection.execute("ANALYZE modes")


SERVERS = {"fastapi": fastapi_peer, "flask": flask_peer, "ours": our_handler}

if __name__ == "__main__":
    name, argument = sys.argv[1:]
    if name == "fill":
        fill(argument)
    else:
        SERVERS[name](int(argument))
