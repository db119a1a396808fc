"""Measures: the whole numbers that a segmentation splits customers by, each declared here, once.

Counts hold a *counted* value of each row, which does not depend on CUR_DATE. A model turns it into the *measured* value
at its CUR_DATE. A customer who is asked for is measured like a row that is given a voucher on
CUR_DATE. No Arrow is imported until rows are read, so that the API can start without it.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    type Values = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)
# Days are compared as texts. These are before and after all days that the calendar has.
_BEFORE_ALL_DAYS, _AFTER_ALL_DAYS = "0000-00-00", "9999-99-99"

type Bound = int | str | None
"""A bound of a customer's field: a whole number, a day like 2018-09-15, or none."""


class Customer(Protocol):
    """The fields of a customer that measures read; None where a customer does not have the value."""

    @property
    def total_orders(self) -> int | None:
        """The number of orders."""

    @property
    def last_order_ts(self) -> datetime | None:
        """The wall-clock time of the last order."""

    @property
    def first_order_ts(self) -> datetime | None:
        """The wall-clock time of the first order."""


class CustomerSql(Protocol):
    """How a dialect of SQL writes what measures need of a customer, whose times are wall-clock times."""

    def days_until(self, moment: str, day: date) -> str:
        """Return the whole days from the day of a time to a day."""

    def months_until(self, moment: str, day: date) -> str:
        """Return the whole calendar months from the month of a time to that of a day."""


class _Words(NamedTuple):
    """How people read a measure: the unit of its numbers, what follows the unit, and what the measure needs."""

    unit: str
    after: str
    needs: str


class _Number:
    """The number in a field, as it is."""

    least_counted = 0

    def __init__(self, field: str, words: _Words) -> None:
        self.field = field
        self.columns = (field,)
        self.words = words

    def of_rows(self, rows: "pa.RecordBatch") -> "pa.Int64Array":
        return rows[self.field]

    def in_sql(self, _sql: CustomerSql, _cur_date: date) -> str:
        return self.field

    def measured(self, counted: "Values", _cur_date: date) -> "Values":
        return counted

    def of_customer(self, customer: Customer, _cur_date: date) -> int | None:
        found: int | None = getattr(customer, self.field)
        return found

    def field_bounds(self, lower: int, upper: int | None, _cur_date: date) -> tuple[Bound, Bound]:
        return lower, upper

    def why(self, value: int, _cur_date: date) -> str:
        return f"The customer has {_counted(value, self.words.unit)}."


class _Days:
    """Whole days from the day of an order to CUR_DATE. The day is counted, as days since 1970-01-01."""

    least_counted: int | None = None

    def __init__(self, field: str, order: str) -> None:
        self.field = field
        self.columns: tuple[str, ...] = (field,)
        self.order = order
        self.words = _Words("day", f" since the {order}", f"days since the {order}")

    def of_rows(self, rows: "pa.RecordBatch") -> "pa.Int64Array":
        return _day_numbers(rows[self.field])

    def in_sql(self, sql: CustomerSql, cur_date: date) -> str:
        return sql.days_until(self.field, cur_date)

    def measured(self, counted: "Values", cur_date: date) -> "Values":
        return (cur_date - _EPOCH).days - counted

    def of_customer(self, customer: Customer, cur_date: date) -> int | None:
        moment: datetime | None = getattr(customer, self.field)
        return None if moment is None else (cur_date - moment.date()).days

    def field_bounds(self, lower: int, upper: int | None, cur_date: date) -> tuple[Bound, Bound]:
        return None if upper is None else _days_before(cur_date, upper), _days_before(cur_date, lower)

    def why(self, value: int, cur_date: date) -> str:
        day = cur_date - timedelta(days=value)
        return f"The {self.order}, on {day}, is {_counted(value, 'day')} before CUR_DATE, {cur_date}."


class _DaysWhenGiven(_Days):
    """Whole days from the day of an order to that of the assignment. They are counted as they are, and do not age."""

    def __init__(self, field: str, order: str) -> None:
        super().__init__(field, order)
        self.columns = (field, "timestamp")
        self.words = _Words("day", f" from the {order} to the voucher", f"days from the {order} to the voucher")

    def of_rows(self, rows: "pa.RecordBatch") -> "pa.Int64Array":
        import pyarrow.compute as pc  # noqa: PLC0415 - a lookup does without

        return pc.subtract(_day_numbers(rows["timestamp"]), _day_numbers(rows[self.field]))

    def measured(self, counted: "Values", _cur_date: date) -> "Values":
        return counted


class _Months(_Days):
    """Whole calendar months from the month of an order to that of CUR_DATE. The first day of the month is counted."""

    def __init__(self, field: str, order: str) -> None:
        super().__init__(field, order)
        self.words = _Words("month", f" since the {order}", f"calendar months since the {order}")

    def of_rows(self, rows: "pa.RecordBatch") -> "pa.Int64Array":
        import pyarrow as pa  # noqa: PLC0415 - a lookup does without

        days = _day_numbers(rows[self.field]).dictionary_encode()
        months = days.dictionary.to_numpy().astype("datetime64[D]").astype("datetime64[M]")
        return pa.array(months.astype("datetime64[D]").astype("int64")).take(days.indices)

    def in_sql(self, sql: CustomerSql, cur_date: date) -> str:
        return sql.months_until(self.field, cur_date)

    def measured(self, counted: "Values", cur_date: date) -> "Values":
        months = counted.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
        return 12 * (cur_date.year - _EPOCH.year) + cur_date.month - 1 - months

    def of_customer(self, customer: Customer, cur_date: date) -> int | None:
        moment: datetime | None = getattr(customer, self.field)
        return None if moment is None else 12 * (cur_date.year - moment.year) + cur_date.month - moment.month

    def field_bounds(self, lower: int, upper: int | None, cur_date: date) -> tuple[Bound, Bound]:
        return None if upper is None else _month_before(cur_date, upper, 1), _month_before(cur_date, lower, 31)

    def why(self, value: int, cur_date: date) -> str:
        return f"The {self.order} was {_counted(value, 'calendar month')} before CUR_DATE, {cur_date}."


class Measure(StrEnum):
    """The number that a segmentation splits customers by; always a whole number."""

    reading: _Number | _Days

    def __new__(cls, name: str, reading: _Number | _Days) -> Self:
        """Make a measure of its name and its reading."""
        measure = str.__new__(cls, name)
        measure._value_, measure.reading = name, reading
        return measure

    TOTAL_ORDERS = "total_orders", _Number("total_orders", _Words("order", "", "orders in total"))
    DAYS_SINCE_LAST_ORDER = "days_since_last_order", _Days("last_order_ts", "last order")
    DAYS_SINCE_LAST_ORDER_WHEN_GIVEN = (
        "days_since_last_order_when_given",
        _DaysWhenGiven("last_order_ts", "last order"),
    )
    MONTHS_SINCE_FIRST_ORDER = "months_since_first_order", _Months("first_order_ts", "first order")

    @property
    def field(self) -> str:
        """The field of a customer that the measure is computed from."""
        return self.reading.field

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a row that the measure is computed from; a row in which one is null is not counted for it."""
        return self.reading.columns

    @property
    def least_counted(self) -> int | None:
        """The least value that a row can be counted with; None: any."""
        return self.reading.least_counted

    @property
    def needs(self) -> str:
        """What the measure splits by, in words."""
        return self.reading.words.needs

    def of_rows(self, rows: "pa.RecordBatch") -> "pa.Int64Array":
        """Return the counted value of each row (columns of `rules.CLEANED_SCHEMA`); null if the row lacks a column."""
        return self.reading.of_rows(rows)

    def in_sql(self, sql: CustomerSql, cur_date: date) -> str:
        """Return `of_customer` as an expression of SQL, over columns with the names of a customer's fields."""
        return self.reading.in_sql(sql, cur_date)

    def measured(self, counted: "Values", cur_date: date) -> "Values":
        """Return the measured values of counted ones, at a CUR_DATE."""
        return self.reading.measured(counted, cur_date)

    def of_customer(self, customer: Customer, cur_date: date) -> int | None:
        """Return the measured value of a customer who is given a voucher on CUR_DATE; None without the field.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> customer = SimpleNamespace(last_order_ts=datetime(2018, 5, 3, 18, 0))
        >>> Measure.DAYS_SINCE_LAST_ORDER.of_customer(customer, date(2018, 9, 15))
        135
        """
        return self.reading.of_customer(customer, cur_date)

    def field_bounds(self, lower: int | None, upper: int | None, cur_date: date) -> tuple[Bound, Bound]:
        """Return which values of the field a segment holds, the first and the last: days, or whole numbers.

        A customer's day, or number, is in the segment if it is between them, so that no measure has to be computed. The
        days are compared as texts; a bound that the calendar does not have is before or after all its days.

        Examples
        --------
        >>> Measure.DAYS_SINCE_LAST_ORDER.field_bounds(30, 60, date(2018, 9, 15))
        ('2018-07-17', '2018-08-16')
        >>> Measure.MONTHS_SINCE_FIRST_ORDER.field_bounds(0, 1, date(2018, 9, 15))
        ('2018-08-01', '2018-09-30')
        """
        return (None, None) if lower is None else self.reading.field_bounds(lower, upper, cur_date)

    def bounds(self, lower: int | None, upper: int | None) -> str:
        """Return the bounds of a segment in words: `1 to 4 orders`."""
        unit, after, _ = self.reading.words
        if lower is None:
            return f"any other number of {unit}s{after}"
        if upper is None:
            return f"{lower} {unit}s or more{after}"
        if lower == upper:
            return f"{_counted(lower, unit)}{after}"
        return f"{lower} to {upper} {unit}s{after}"

    def why(self, value: int, cur_date: date) -> str:
        """Return why a customer has a measured value, as a sentence."""
        return self.reading.why(value, cur_date)


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"


def _days_before(day: date, days: int) -> str:
    ordinal = day.toordinal() - days
    if ordinal < date.min.toordinal():
        return _BEFORE_ALL_DAYS
    return _AFTER_ALL_DAYS if ordinal > date.max.toordinal() else date.fromordinal(ordinal).isoformat()


def _month_before(day: date, months: int, latest: int) -> str:
    """Return a day of the month so many months earlier: `latest`, or the month's last one if it has no such day."""
    from calendar import monthrange  # noqa: PLC0415 - a lookup does without

    year, month = divmod(12 * day.year + day.month - 1 - months, 12)
    if year < date.min.year:
        return _BEFORE_ALL_DAYS
    if year > date.max.year:
        return _AFTER_ALL_DAYS
    return date(year, month + 1, min(latest, monthrange(year, month + 1)[1])).isoformat()


def _day_numbers(times: "pa.Array") -> Any:  # noqa: ANN401 - an array of int64, whose class has no common name
    import pyarrow as pa  # noqa: PLC0415 - a lookup does without

    return times.cast(pa.date32(), safe=False).view(pa.int32()).cast(pa.int64())
