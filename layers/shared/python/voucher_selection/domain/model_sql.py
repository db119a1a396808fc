"""The model as a query: it answers each row of a table of customers as `POST /voucher` answers the customer.

The query is the same for each model, but for three lists: its countries, its segments, and their amounts.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING

from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.country_spellings import Spellings
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry, VoucherSelectionError
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.formats import LARGEST_WHOLE
from voucher_selection.domain.lookups import CODES, LONGEST_TEXT, InvalidLookup
from voucher_selection.domain.model import CountryMode, Mode, Model, SegmentMode
from voucher_selection.domain.segments import Segmentation
from voucher_selection.domain.sql_dialects import DIALECTS, Cell, Dialect, DialectName, Step
from voucher_selection.domain.white_space import BLANKS, SPACES

if TYPE_CHECKING:
    from voucher_selection.domain.measures import Measure

TABLE = "customers"
"""The table that the query reads; its name is in one place of the query."""
OUTPUT = (
    *("customer_id", "country_code", "segment_name", "segment", "voucher_amount", "basis", "support", "share"),
    "problem",
)
"""The columns of the query's result: those of an assign run, with the support and share of an answer."""
_FIELDS = ("total_orders", "last_order_ts", "first_order_ts")
# Segments are numbered from 1.
_WHOLE_COUNTRY = 0
# So many calls within each other SQLite's parser takes, and more.
_MOST_NESTED = 10
_NO_JOINS: Mapping[str, str] = MappingProxyType({})


def model_sql(model: Model, dialect: DialectName, fallback: Fallback = ONLY_SEGMENTS) -> str:
    """Return the query of a model in a dialect.

    The result has the columns of `OUTPUT`, and a row for each row of `customers`. In a row with a `problem`, segment,
    amount, basis, support and share are null.

    Parameters
    ----------
    model
        A model as lookups read it: each mode needs its leading amount only.
    fallback
        What customers are asked with.
    """
    sql = DIALECTS[dialect]
    numbers = {
        (segmentation.name, segment): number
        for number, (segmentation, segment) in enumerate(_segments(model), start=_WHOLE_COUNTRY + 1)
    }
    parts = [
        f"given AS (\n    SELECT customer_id, country_code, segment_name, {', '.join(_FIELDS)}\n    FROM {TABLE}\n)",  # noqa: S608 - names of ours
        sql.rows("countries", ("spelling", "country_code"), [(country_key(name), name) for name in model.countries]),
        sql.rows(
            "segments",
            ("segment_number", "segment_name", "segment", "lower_bound", "upper_bound"),
            [row for found in model.definitions.segmentations for row in _ranges(found, numbers)],
        ),
        sql.rows(
            "amounts",
            ("country_code", "segment_number", "voucher_amount", "assignments", "support"),
            # A list needs a row: a model without any amount has one of no country.
            list(_amounts(model, numbers, fallback)) or [("", _WHOLE_COUNTRY, 0.0, 0, 0)],
        ),
        _step(sql, "white_space", None, f"{sql.edges(SPACES)} AS spaces", f"{sql.edges(BLANKS)} AS blanks"),
        _bare(sql),
        *_spelled(sql, model),
        _plain(sql),
        _checked(sql),
        _measured(sql, model),
        _found(sql, fallback.least),
    ]
    answered = ("segment", "voucher_amount", "basis", "support", "share")
    shown = ",\n    ".join(
        f"CASE WHEN problem IS NULL THEN {column} END AS {column}" if column in answered else column
        for column in OUTPUT
    )
    return f"{_heading(sql, model, fallback)}\nWITH {',\n'.join(parts)}\nSELECT\n    {shown}\nFROM found\n"


def _heading(sql: Dialect, model: Model, fallback: Fallback) -> str:
    window = model.window.model_dump_json(exclude_none=True)
    asked = (
        "none: only segments answer"
        if fallback.least is None
        else f"the country; an answer has a support of at least {fallback.least}"
    )
    lines = [
        f"Voucher Selection: the answer of POST /voucher for each row of the table {TABLE}, for {sql.title}.",
        f"Model {model.version}, of run {model.run_id}, published at {model.published_at.isoformat()}.",
        f"CUR_DATE {model.cur_date}, time zone {model.time_zone}, days of assignment {window} ({{}}: all).",
        f"Fallback: {asked}.",
        "",
        f"Columns of {TABLE}: customer_id and the texts country_code and segment_name; total_orders, last_order_ts and",
        f"first_order_ts are {sql.takes}. Times are of the model's time zone.",
        f"If your table or its columns have other names, change `given`: CAST(NULL AS {sql.moment}) AS first_order_ts.",
        f"Each row gets an amount, or a problem: {', '.join(CODES.values())}.",
    ]
    return "\n".join(f"-- {' '.join(line.split())}".rstrip() for line in lines)


def _segments(model: Model) -> Iterator[tuple[Segmentation, str]]:
    for segmentation in model.definitions.segmentations:
        for segment in segmentation.bounds:
            yield segmentation, segment


def _ranges(segmentation: Segmentation, numbers: dict[tuple[str, str], int]) -> Iterator[tuple[Cell, ...]]:
    """Yield the ranges of each segment; values outside the segments are below the first, or above the last."""
    ranges = [(s.name, s.lower, LARGEST_WHOLE if s.upper is None else s.upper) for s in segmentation.segments]
    if segmentation.outside is not None:
        ranges.append((segmentation.outside, -LARGEST_WHOLE, segmentation.segments[0].lower - 1))
        if segmentation.segments[-1].upper is not None:
            ranges.append((segmentation.outside, segmentation.segments[-1].upper + 1, LARGEST_WHOLE))
    for segment, lower, upper in ranges:
        yield numbers[segmentation.name, segment], segmentation.name, segment, lower, upper


def _amounts(model: Model, numbers: dict[tuple[str, str], int], fallback: Fallback) -> Iterator[tuple[Cell, ...]]:
    """Yield the amount of each segment with support; with a fallback, also that of each country."""
    for mode in model.entries:
        if isinstance(mode, SegmentMode) and mode.assignments:
            yield _amount(mode, numbers[mode.segment_name, mode.segment])
        elif isinstance(mode, CountryMode) and mode.assignments and fallback.least is not None:
            yield _amount(mode, _WHOLE_COUNTRY)


def _amount(mode: Mode, number: int) -> tuple[Cell, ...]:
    leading = mode.assignments[0]
    return mode.country_code, number, float(leading.voucher_amount), leading.count, mode.support


def _bare(sql: Dialect) -> str:
    """Return texts without white space around them; `spelling` is a country without that around it, too."""
    country, segmentation = sql.as_text("country_code"), sql.as_text("segment_name")
    return _step(
        sql,
        "bare",
        "given CROSS JOIN white_space",
        "customer_id, country_code, segment_name",
        f"{sql.stripped(country, 'spaces')} AS country",
        f"{sql.stripped(country, 'blanks')} AS spelling",
        f"{sql.stripped(segmentation, 'spaces')} AS segmentation",
        *(f"{sql.bare(field, 'blanks')} AS {field}" for field in _FIELDS),
    )


def _spelled(sql: Dialect, model: Model) -> Iterator[str]:
    """Yield steps that turn `spelling` into the country's key; the last one is named `spelled`."""
    spellings = Spellings.of(model.countries)
    steps: list[Step] = [
        *(sql.replacement(*pair) for pair in spellings.before),
        "lower({})".format,
        *sql.translation(spellings.characters),
        *(sql.replacement(*pair) for pair in spellings.after),
    ]
    source = "bare"
    for number, some in enumerate(batched(steps, _MOST_NESTED, strict=False), start=1):
        name = "spelled" if number * _MOST_NESTED >= len(steps) else f"spelled_{number}"
        key = reduce(lambda text, step: step(text), some, "spelling")
        columns = ("customer_id", "country_code", "segment_name", "country", "segmentation", *_FIELDS)
        yield _step(sql, name, source, ", ".join(columns), f"{key} AS spelling")
        source = name


def _plain(sql: Dialect) -> str:
    """Return values that are null where a lookup reads null; and as they are where it may reject them."""
    return _step(
        sql,
        "plain",
        "spelled",
        "customer_id, country_code, segment_name, country, spelling, segmentation",
        f"{sql.orders_given('total_orders')} AS orders_given",
        f"{sql.time_given('last_order_ts')} AS last_given",
        f"{sql.time_given('first_order_ts')} AS first_given",
    )


def _checked(sql: Dialect) -> str:
    """Return values that a lookup accepts, or null."""
    return _step(
        sql,
        "checked",
        "plain",
        "customer_id, country_code, segment_name, spelling, orders_given, last_given, first_given",
        f"CASE WHEN {sql.length('country')} BETWEEN 1 AND {LONGEST_TEXT} THEN country END AS country",
        f"CASE WHEN {sql.length('segmentation')} BETWEEN 1 AND {LONGEST_TEXT} THEN segmentation END AS segmentation",
        f"{sql.orders('orders_given')} AS total_orders",
        f"{sql.time('last_given')} AS last_order_ts",
        f"{sql.time('first_given')} AS first_order_ts",
    )


def _measured(sql: Dialect, model: Model) -> str:
    """Return the value that each row's segmentation splits by, and whether a lookup rejects the row's values."""
    names: dict[Measure, list[str]] = {}
    for segmentation in model.definitions.segmentations:
        names.setdefault(segmentation.measure, []).append(segmentation.name)
    values = "\n            ".join(
        f"WHEN segmentation IN ({', '.join(map(sql.text, listed))}) THEN {measure.in_sql(sql, model.cur_date)}"
        for measure, listed in names.items()
    )
    refused = [
        sql.is_odd_id("customer_id"),
        "country IS NULL",
        f"segmentation IS NULL OR segmentation NOT IN ({', '.join(map(sql.text, model.segmentations))})",
        "orders_given IS NOT NULL AND total_orders IS NULL",
        "last_given IS NOT NULL AND last_order_ts IS NULL",
        "first_given IS NOT NULL AND first_order_ts IS NULL",
        "total_orders = 0 AND (last_order_ts IS NOT NULL OR first_order_ts IS NOT NULL)",
        "last_order_ts < first_order_ts",
    ]
    return _step(
        sql,
        "measured",
        "checked",
        "customer_id, country_code, segment_name, country, segmentation, spelling",
        f"CASE\n            {values}\n        END AS measured_value",
        f"CASE WHEN\n            {'\n            OR '.join(refused)}\n        THEN 1 ELSE 0 END AS is_refused",
    )


def _found(sql: Dialect, least_support: int | None) -> str:
    """Return what answers each row: the mode of its segment, or that of its country; or the row's problem."""
    modes = {"own": "held.segment_number"}
    if least_support is not None:
        modes["whole"] = str(_WHOLE_COUNTRY)
    joined = {
        "countries AS known": sql.same("known.spelling", "customer.spelling"),
        "segments AS held": f"{sql.same('held.segment_name', 'customer.segmentation')}"
        " AND customer.measured_value BETWEEN held.lower_bound AND held.upper_bound",
        **{
            f"amounts AS {mode}": f"{sql.same(f'{mode}.country_code', 'known.country_code')}"
            f" AND {mode}.segment_number = {number} AND {mode}.support >= {least_support or 1}"
            for mode, number in modes.items()
        },
    }
    amount, assignments, support = (
        _first_of([f"{mode}.{column}" for mode in modes]) for column in ("voucher_amount", "assignments", "support")
    )
    return _step(
        sql,
        "found",
        "measured AS customer",
        "customer.customer_id",
        "coalesce(known.country_code, customer.country, customer.country_code) AS country_code",
        "coalesce(customer.segmentation, customer.segment_name) AS segment_name",
        "held.segment",
        f"{sql.cast(amount, sql.number)} AS voucher_amount",
        "CASE WHEN own.support IS NULL THEN 'country' ELSE 'segment' END AS basis",
        f"{support} AS support",
        f"{sql.cast(assignments, sql.number)} / {support} AS share",
        f"CASE\n            {_problems(support, has_fallback=least_support is not None)}\n        END AS problem",
        joined=joined,
    )


def _problems(support: str, *, has_fallback: bool) -> str:
    """Return the conditions of the problems, in the order in which a lookup meets them."""
    # With a fallback, the country answers a customer without the value, or outside all segments.
    no_value = "" if has_fallback else " OR customer.measured_value IS NULL"
    problems: dict[str, type[VoucherSelectionError]] = {
        f"customer.is_refused = 1{no_value}": InvalidLookup,
        "known.country_code IS NULL": UnknownCountry,
        **({} if has_fallback else {"held.segment IS NULL": NoSegment}),
        f"{support} IS NULL": NoSupport,
    }
    return "\n            ".join(f"WHEN {condition} THEN '{CODES[error]}'" for condition, error in problems.items())


def _first_of(columns: list[str]) -> str:
    return columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"


def _step(sql: Dialect, name: str, source: str | None, *columns: str, joined: Mapping[str, str] = _NO_JOINS) -> str:
    """Return a step of the query: a common table expression that selects columns."""
    lines = [
        f"    SELECT {',\n        '.join(columns)}",
        *([f"    FROM {source}"] if source else []),
        *(f"    LEFT JOIN {other} ON {condition}" for other, condition in joined.items()),
    ]
    return f"{name} {sql.step} (\n{'\n'.join(lines)}\n)"
