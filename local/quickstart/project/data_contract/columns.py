"""What each column means of what runs write, and what the contract promises of its values besides the type."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from voucher_selection.domain.fallbacks import Basis
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.lookups import CODES
from voucher_selection.domain.measures import Measure

type Json = dict[str, Any]

_CURRENCY = "the country's currency"
_PROBLEMS = CODES.values()
_CLOCK = "a clock time of the stage's time zone"


def _column(said: str, *, required: bool = False, unit: str = "", one_of: Iterable[str] = (), **bounds: float) -> Json:
    """Return what the contract says of a column besides its name and type."""
    found: Json = {"description": said}
    if required:
        found["required"] = True
    if bounds:
        found["logicalTypeOptions"] = bounds
    if values := [{"value": str(value)} for value in one_of]:
        found["enum"] = values
    if unit:
        found["customProperties"] = [{"property": "unit", "value": unit}]
    return found


_COUNTRY = _column("The country, as the run's input spells it.", required=True)

CLEANED: Mapping[str, Json] = {
    "timestamp": _column(f"When the voucher was given: {_CLOCK}."),
    "country_code": _COUNTRY,
    "last_order_ts": _column(f"The customer's last order: {_CLOCK}."),
    "first_order_ts": _column(f"The customer's first order: {_CLOCK}."),
    "total_orders": _column("The number of the customer's orders.", required=True, unit="orders", minimum=0),
    "voucher_amount": _column("The amount of the voucher.", required=True, unit=_CURRENCY, minimum=0),
}
COUNTS: Mapping[str, Json] = {
    "country_code": _COUNTRY,
    "assigned_on": _column("The day on which the vouchers were given, in the stage's time zone; null if unknown."),
    "measure": _column("What the value measures.", required=True, one_of=Measure),
    "value": _column(
        "The value that the measure counts: a number of orders; for days and months since an order, its day (of the"
        " month, the first) as days since 1970-01-01; for days between order and voucher, these days.",
        required=True,
    ),
    "voucher_amount": _column("The amount of the vouchers.", required=True, unit=_CURRENCY, minimum=0),
    "rows": _column("The number of kept assignments.", required=True, minimum=1),
}
MODES: Mapping[str, Json] = {
    "country_code": _COUNTRY,
    "segment_name": _column("The segmentation.", required=True),
    "segment": _column("The segment.", required=True),
    "lower": _column("The least value of the segment; null for the one of all values outside the ranges."),
    "upper": _column("The largest value of the segment; null if it is open upwards, or of all values outside."),
    "voucher_amount": _column(
        "The amount used most, the smallest of equally frequent ones. Null without support.", unit=_CURRENCY
    ),
    "support": _column("The number of assignments in the segment.", required=True, minimum=0),
    "share": _column("The share of the support that has this amount. Null without support.", minimum=0, maximum=1),
    "assignments": _column("All amounts of the segment with their assignments, the mode first.", required=True),
    "assignments.voucher_amount": _column("An amount.", unit=_CURRENCY),
    "assignments.count": _column("The number of its assignments."),
}
QUARANTINE: Mapping[str, Json] = {
    **{name: _column(f"`{name}` of the history, as text, as it was.") for name in COLUMN_NAMES},
    "file": _column("The key of the landed file; `plan.json` of the run has its source.", required=True),
    "row": _column("The row's index in the file, from 0.", required=True, minimum=0),
}
ASSIGNED: Mapping[str, Json] = {
    "customer_id": _column("The customer, as the file names them."),
    "country_code": _column("The country, as the file spells it."),
    "segment_name": _column("The segmentation that answers."),
    "segment": _column("The customer's segment."),
    "voucher_amount": _column("The customer's amount; null with a problem.", unit=_CURRENCY),
    "problem": _column("Why there is no amount: the code of the API's problem. Null with an amount.", one_of=_PROBLEMS),
    "basis": _column("What the amount rests on. Null with a problem.", one_of=get_args(Basis.__value__)),
}
