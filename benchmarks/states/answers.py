"""What `POST /voucher` must answer, in the words of the docs."""

from collections import Counter
from datetime import datetime
from typing import Any

from benchmarks.states.models import Facts, Model, Refused, Row, Settings, measured, mode_of, segment_of, spelling
from local.quickstart.proof import reference


def voucher(model: Model, asked: object, settings: Settings) -> Facts:
    """Return what `POST /voucher` must answer; raise `Refused` with the code of a problem."""
    customer = _customer(asked)
    by_name = {each["name"]: each for each in model.definitions["segmentations"]}
    segmentation = by_name.get(customer["segment_name"])
    if segmentation is None:
        raise Refused("invalid_request")
    falls_back = (customer["fallback"] or settings.fallback) == "country"
    least = customer["least_support"] or settings.least_support
    at = datetime.combine(model.cur_date, datetime.min.time())
    value = measured(segmentation["measure"], customer, model.cur_date, at)
    if value is None and not falls_back:
        raise Refused("invalid_request")
    named = {spelling(country): country for country in model.counts.countries}
    country = named.get(spelling(customer["country_code"]))
    if country is None:
        raise Refused("unknown_country")
    segment = None if value is None else segment_of(segmentation, value)
    amounts = model.segments[country, segmentation["name"], segment] if segment else Counter()
    basis = "segment"
    if falls_back and amounts.total() < max(least, 1):
        basis, amounts = "country", model.of_countries[country]
        if amounts.total() < max(least, 1):
            raise Refused("no_support")
    if not amounts:
        raise Refused("no_support" if segment else "no_segment")
    mode = mode_of(country, amounts)
    return {
        **{name: mode[name] for name in ("voucher_amount", "country_code", "support", "share")},
        "customer_id": customer["customer_id"],
        "segment_name": segmentation["name"],
        "segment": segment,
        "basis": basis,
        "model": {"version": model.run_id, "cur_date": str(model.cur_date)},
    }


def _customer(asked: object) -> Row:
    """Return what a customer's values mean; raise `Refused` if one cannot be read, or two contradict each other."""
    if not isinstance(asked, dict):
        raise Refused("invalid_request")
    names = {name: asked.get(name) for name in ("country_code", "segment_name")}
    if not all(isinstance(name, str) and name.strip() for name in names.values()):
        raise Refused("invalid_request")
    times = {name: asked.get(name) for name in ("last_order_ts", "first_order_ts")}
    fallback, least = asked.get("fallback"), _number(asked.get("least_support"))
    read = {
        **{name: text.strip() for name, text in names.items() if text},
        **{name: _moment(value) for name, value in times.items()},
        "total_orders": _number(asked.get("total_orders")),
        "fallback": None if isinstance(fallback, str) and not fallback.strip() else fallback,
        "least_support": reference.MALFORMED if least == 0 else least,
        "customer_id": asked.get("customer_id"),
    }
    if reference.MALFORMED in read.values() or read["fallback"] not in {None, "none", "country"}:
        raise Refused("invalid_request")
    dates = [read[name] for name in times if read[name]]
    if (read["total_orders"] == 0 and dates) or (len(dates) == len(times) and dates[0] < dates[1]):
        raise Refused("invalid_request")
    return read


def _moment(value: object) -> Any:  # noqa: ANN401 - as the reference
    return reference.moment(value) if value is None or isinstance(value, str) else reference.MALFORMED


def _number(value: object) -> Any:  # noqa: ANN401 - as the reference
    return reference.orders(value) if value is None or isinstance(value, str | int | float) else reference.MALFORMED
