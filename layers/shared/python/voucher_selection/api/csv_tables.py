"""The segments, and the tables of the report, as CSV for spreadsheets.

CSV as RFC 4180 has it, in UTF-8 with a byte order mark, without which Excel takes the text for another encoding.
Numbers have a point and no separators; shares are from 0 to 1. A text that a spreadsheet would run as a formula gets an
apostrophe before it, which spreadsheets understand as "this is text".
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.api.model_parts import Asked, with_amounts
from voucher_selection.domain.lookups import InvalidLookup
from voucher_selection.domain.model import Mode, SegmentMode
from voucher_selection.domain.quality_document import AmountsOfMonth, Quality
from voucher_selection.domain.validation import FieldProblem
from voucher_selection.domain.wording import amount, evidence

CONTENT_TYPE = "text/csv; charset=utf-8"
_BYTE_ORDER_MARK = "\ufeff"
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last are wide ones
_DECIMALS = 12  # a difference of floats is not exact

type Cell = str | float | None
type Row = tuple[Cell, ...]


class CsvPart(NamedTuple):
    """A table as text, from its first part or a later one; `following` is the query of the next one (None: none)."""

    text: str
    following: str | None = None


_SEGMENT = ("country_code", "segment_name", "segment")
_SEGMENTS = (
    *(*_SEGMENT, "lower", "upper", "voucher_amount", "support", "share"),
    *("runner_up", "runner_up_count", "evidence"),
)
_AMOUNTS = (*_SEGMENT, "voucher_amount", "count", "share")


def segments_csv(asked: Asked) -> CsvPart:
    """Return every segment with its mode: a row for each. The bounds of the segment outside all ranges are empty."""
    modes = asked.model.modes[asked.start :]
    return _part(_SEGMENTS, ([_segment(mode)] for mode in modes), asked, len(asked.model.modes), {})


def _segment(mode: SegmentMode) -> Row:
    runner_up = mode.runner_up
    return (
        *mode.key,
        mode.lower,
        mode.upper,
        mode.voucher_amount,
        mode.support,
        mode.share,
        runner_up.voucher_amount if runner_up else None,
        runner_up.count if runner_up else None,
        evidence(mode),
    )


def report_csv(table: str | None, asked: Asked, catalog: Catalog, quality: Callable[[str], Quality | None]) -> CsvPart:
    """Return a table of the report.

    Parameters
    ----------
    table
        A name of `TABLES`.
    quality
        Reads how good the model of a run is; a table that is made from it has no rows if nothing is known.

    Raises
    ------
    InvalidLookup
        There is no such table.
    """
    if table not in TABLES:
        raise InvalidLookup([FieldProblem("table", f"expected one of {', '.join(TABLES)}, got {str(table)[:40]!r}")])
    if table == "amounts":
        modes = with_amounts(asked, catalog)
        return _part(_AMOUNTS, map(_amounts, modes), asked, len(asked.model.entries), {"table": table})
    columns, rows = _QUALITY_TABLES[table]
    known = quality(asked.model.run_id)
    return CsvPart(_text([columns, *(rows(known) if known else ())]))


def _amounts(mode: Mode) -> list[Row]:
    """Return a row for each amount of a segment, or of a country, which has no segment."""
    key = (*mode.key, None, None)[:3]
    return [(*key, each.voucher_amount, each.count, each.count / mode.support) for each in mode.assignments]


def _worth(quality: Quality) -> Iterator[Row]:
    for found in quality["segmentations"]:
        support, segments, country = (found["agreement"][name] for name in ("support", "segments", "country"))
        worth = None if segments is None or country is None else round(segments - country, _DECIMALS)
        yield (found["country_code"], found["segment_name"], support, segments, country, worth)


def _backtest(quality: Quality) -> Iterator[Row]:
    for found in quality["segmentations"]:
        for month in found["backtest"]:
            yield (
                *(found["country_code"], found["segment_name"], month["month"]),
                *(month["tested"], month["segments"], month["country"], month["unanswered"]),
            )


def _over_time(quality: Quality) -> Iterator[Row]:
    """Yield the months of the countries, which have no segment, and those of the segments."""
    for country in quality["countries"]:
        for month in country["months"]:
            yield (country["country_code"], None, None, *_month(month), ", ".join(month["shift_between"]))
    for found in quality["segmentations"]:
        for segment in found["over_time"]:
            for each in segment["months"]:
                yield (found["country_code"], found["segment_name"], segment["segment"], *_month(each), None)


def _month(month: AmountsOfMonth) -> Row:
    count = month["amounts"][0]["count"]
    return (month["month"], month["voucher_amount"], count, month["support"], count / month["support"], month["change"])


_QUALITY_TABLES: Mapping[str, tuple[Row, Callable[[Quality], Iterator[Row]]]] = {
    "worth": (
        (
            *("country_code", "segment_name", "support"),
            *("agreement_of_segments", "agreement_of_one_amount", "worth"),
        ),
        _worth,
    ),
    "backtest": (
        (
            *("country_code", "segment_name", "month"),
            *("tested", "agreement_of_segments", "agreement_of_one_amount", "unanswered"),
        ),
        _backtest,
    ),
    "amounts_over_time": (
        (*_SEGMENT, "month", "voucher_amount", "count", "support", "share", "change", "shift_between"),
        _over_time,
    ),
}
TABLES = (*_QUALITY_TABLES, "amounts")
"""The tables of the report: what segmentations are worth, the backtests, amounts by month, and amounts by segment."""


def _part(columns: Row, blocks: Iterable[list[Row]], asked: Asked, whole: int, query: Mapping[str, str]) -> CsvPart:
    """Return as many blocks of rows as fit into an answer, at least one; `whole` is how many the table has."""
    texts, size = [_text([columns])], 0
    for block in blocks:
        text = _lines(block)
        size += len(json.dumps(text))
        if size > LARGEST_ANSWER and len(texts) > 1:
            break
        texts.append(text)
    following = asked.start + len(texts) - 1
    if following >= whole:
        return CsvPart("".join(texts))
    named = {**query, "version": asked.model.version, "start": str(following)}
    return CsvPart("".join(texts), f"?{urlencode(named)}")


def _text(rows: Iterable[Row]) -> str:
    return _BYTE_ORDER_MARK + _lines(rows)


def _lines(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULAS) else cell
    return "" if cell is None else str(cell) if isinstance(cell, int) else amount(cell)
