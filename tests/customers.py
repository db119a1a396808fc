"""Customers for tests: rows that a run that assigns reads, and what the API's lookup answers for each."""

from typing import Any

from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.lookups import LookupRequest, look_up
from voucher_selection.domain.model import Model

FREQUENT, RECENT = "frequent_segment", "recency_segment"


def case(**columns: Any) -> dict[str, Any]:
    """Return a customer whom a model of Peru has an amount for, but for the columns named."""
    good = {
        "country_code": "Peru",
        "segment_name": FREQUENT,
        "total_orders": "3",
        "last_order_ts": "2018-05-03 18:00:00",
        "first_order_ts": "2017-05-03",
    }
    return good | columns


CASES = [
    case(),
    case(segment_name=RECENT),
    *(case(total_orders=text) for text in ("4.0", " 14 ", "37", "38", "1e1", "+5", "1_0", "9007199254740993")),
    *(case(total_orders=text) for text in (None, "", "  ", "many", "-1", "2.5", "nan", "inf", "0x10", "N/A", "nan(1)")),
    *(case(total_orders=text) for text in ("1" * 81, "0" * 79 + "3", "1" * 10_000 + "x")),
    # what a history rejects
    *(
        case(total_orders=orders, last_order_ts=last, first_order_ts=first, segment_name=name)
        for name in (FREQUENT, RECENT)
        for orders in ("0", "3", None)
        for last in (None, "2018-05-03", "2018-05-03T00:00:00+02:00", "NULL")
        for first in (None, "2018-05-03", "2018-05-02 22:00:01", "2018-06-01", "soon", "NaT", " ")
    ),
    *(case(total_orders=text, segment_name=RECENT) for text in (None, "", "many", "-1", "nan", "1_0")),
    *(
        case(last_order_ts=text, segment_name=name)
        for name in (FREQUENT, RECENT)
        for text in (
            *(None, "", " ", "yesterday", "2018-02-30", "2018-05-03T18", "2018-05-03 25:00:00", "0000-01-01"),
            *("2018-09-15", "2018-09-16", "2018-08-16", "2018-08-15", "2018-05-18 23:59:59.999999", "2017-01-01"),
            *("2018-05-03T18:00:00Z", "2018-05-18 23:30:00-05:00", " 2018-05-03 ", "1900-01-01", "9999-12-31"),
        )
    ),
    *(
        case(country_code=text)
        for text in (None, "", " ", " Peru ", "peru", "PERU", "Pe\u0301ru", "Chile", "NULL", "x" * 128, "x" * 129)
    ),
    *(case(segment_name=text) for text in (None, "", f" {RECENT} ", "loyalty", "null", "x" * 129)),
    # what is wrong with a request comes before what the model does not know
    case(country_code="Chile", total_orders="many"),
    case(country_code="Chile", segment_name="loyalty"),
    case(country_code="Chile", segment_name=RECENT, last_order_ts=None),
    case(country_code="Chile", segment_name=RECENT, last_order_ts="2018-09-15"),
]


type Answered = tuple[str | None, float | None, str | None, str | None]


def answered(model: Model, fallback: Fallback = ONLY_SEGMENTS, **fields: Any) -> Answered:
    """Return what a lookup answers: segment, amount, the problem's code, and the basis."""
    # It makes Powertools' metrics, which take their settings from the environment that a test has made by then.
    from voucher_selection.api.problems import problem_of  # noqa: PLC0415

    try:
        answer = look_up(model, LookupRequest.parse(fields, model.time_zone), fallback)
    except VoucherSelectionError as error:
        return None, None, problem_of(error).code, None
    return answer["segment"], answer["voucher_amount"], None, answer["basis"]
