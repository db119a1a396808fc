"""Good and bad requests of every kind, each with what must come back, whoever else asks meanwhile."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

CUR_DATE = date(2018, 9, 15)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BY_ORDERS, BY_DAYS = "frequent_segment", "recency_segment"
# The segments of the shipped definitions, by a value at each of their ends.
ORDERS = {1: "1-4", 4: "1-4", 5: "5-13", 13: "5-13", 14: "14-37", 37: "14-37", 38: "out_of_range", 0: "out_of_range"}
DAYS = {61: "61-90", 90: "61-90", 91: "91-120", 120: "91-120", 121: "121-180", 180: "121-180"}


class Served(NamedTuple):
    """What is served while requests are made: the amount of each segmentation's segments, and the criteria's ETag."""

    amounts: Mapping[tuple[str, str], float]
    etag: str


@dataclass(frozen=True)
class Request:
    """A request, and what its answer must be."""

    kind: str
    method: str
    path: str
    status: int
    is_right: Callable[[str], bool]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


def request(number: int, served: Served) -> Request:
    """Return one of an endless row of requests; no two customers of it are the same."""
    return _KINDS[number % len(_KINDS)](number, served)


def _lookup(kind: str, status: int, is_right: Callable[[str], bool], body: str, media_type: str = JSON) -> Request:
    return Request(kind, "POST", "/voucher", status, is_right, {"Content-Type": media_type}, body)


def _customer(number: int, **fields: Any) -> str:
    known = {"total_orders": 3, "last_order_ts": _days_ago(135)}
    asked = {"customer_id": number, "country_code": "Peru", "segment_name": BY_ORDERS}
    return json.dumps(known | asked | fields)


def _days_ago(days: int) -> str:
    return f"{CUR_DATE - timedelta(days=days)} 00:00:00"


def _by_orders(number: int, served: Served) -> Request:
    orders, segment = list(ORDERS.items())[number // len(_KINDS) % len(ORDERS)]
    # who has never ordered has no date of an order
    body = _customer(number, total_orders=orders, last_order_ts=_days_ago(135) if orders else None)
    return _lookup("by orders", 200, _is_answer(number, BY_ORDERS, segment, served), body)


def _by_days(number: int, served: Served) -> Request:
    days, segment = list(DAYS.items())[number // len(_KINDS) % len(DAYS)]
    body = _customer(number, segment_name=BY_DAYS, last_order_ts=_days_ago(days))
    return _lookup("by days", 200, _is_answer(number, BY_DAYS, segment, served), body)


def _is_answer(number: int, segmentation: str, segment: str, served: Served) -> Callable[[str], bool]:
    expected = {
        "customer_id": number,
        "segment_name": segmentation,
        "segment": segment,
        "voucher_amount": served.amounts[segmentation, segment],
    }
    return lambda text: expected.items() <= json.loads(text).items()


def _is_problem(code: str) -> Callable[[str], bool]:
    return lambda text: json.loads(text)["code"] == code


def _invalid(number: int, _: Served) -> Request:
    return _lookup("invalid fields", 422, _is_problem("invalid_request"), _customer(number, total_orders=-number - 1))


def _unknown_country(number: int, _: Served) -> Request:
    return _lookup("unknown country", 404, _is_problem("unknown_country"), _customer(number, country_code=f"X{number}"))


def _no_segment(number: int, _: Served) -> Request:
    body = _customer(number, segment_name=BY_DAYS, last_order_ts=_days_ago(number % 30))
    return _lookup("no segment", 404, _is_problem("no_segment"), body)


def _malformed(number: int, _: Served) -> Request:
    return _lookup("malformed JSON", 400, _is_problem("malformed_json"), _customer(number)[:-1])


def _other_type(number: int, _: Served) -> Request:
    body = _customer(number)
    return _lookup("another media type", 415, _is_problem("unsupported_media_type"), body, media_type="text/plain")


def _no_route(number: int, _: Served) -> Request:
    return Request("no route", "GET", f"/nothing/{number}", 404, _is_problem("not_found"))


def _no_method(number: int, _: Served) -> Request:
    return Request("no such method", "PUT", "/voucher", 405, _is_problem("method_not_allowed"), body=str(number))


def _many(number: int, served: Served) -> Request:
    customers = [json.loads(_customer(number)), json.loads(_customer(number, country_code="X"))]
    amount = served.amounts[BY_ORDERS, "1-4"]

    def is_right(text: str) -> bool:
        good, bad = json.loads(text)["vouchers"]
        found = good["customer_id"], good["voucher_amount"], bad["customer_id"], bad["problem"]["code"]
        return found == (number, amount, number, "unknown_country")

    body = json.dumps({"customers": customers})
    return Request("many customers", "POST", "/vouchers", 200, is_right, {"Content-Type": JSON}, body)


def _criteria(number: int, served: Served) -> Request:
    def is_right(text: str) -> bool:
        return {
            (row["segment_name"], row["segment"]): row["voucher_amount"] for row in json.loads(text)["segments"]
        } == dict(served.amounts)

    return Request("criteria", "GET", "/selection_criteria", 200, is_right, {"If-None-Match": f'"{number}"'})


def _criteria_known(_: int, served: Served) -> Request:
    headers = {"If-None-Match": served.etag}
    return Request("criteria that are known", "GET", "/selection_criteria", 304, lambda text: text == "", headers)


def _form(number: int, _: Served) -> Request:
    fields = json.loads(_customer(number, customer_id=f"customer {number}"))
    headers = {"Content-Type": FORM}
    return Request(
        "form", "POST", "/search_voucher", 200, lambda text: f"customer {number}" in text, headers, urlencode(fields)
    )


def _bad_form(number: int, _: Served) -> Request:
    body = urlencode({"country_code": "Peru", "segment_name": BY_ORDERS, "total_orders": f"<{number}>"})
    headers = {"Content-Type": FORM}
    return Request(
        "form with a fault", "POST", "/search_voucher", 422, lambda text: f"&lt;{number}&gt;" in text, headers, body
    )


# Two thirds are lookups that find an amount; a page takes as long as twenty of them.
_BAD = (_invalid, _unknown_country, _no_segment, _malformed, _other_type, _no_route, _no_method, _many, _criteria_known)
_FEW = (_criteria, _form, _bad_form)
_KINDS = (*(_by_orders, _by_days, _by_orders, _by_days, *_BAD) * 10, *_FEW, *(_by_orders, _by_days) * 40)
