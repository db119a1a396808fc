"""Hints: values of a CSV that would be malformed, such as 15/09/2018 or 9,95, and what a run could say about them.

Nothing is guessed from them: a run that does not say how its values are written reads these as malformed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from voucher_selection.domain.formats import NUMBER_PATTERN, TIMESTAMP_PATTERN, is_null
from voucher_selection.domain.rules import TIME_COLUMNS
from voucher_selection.domain.text_formats import CsvOptions, Hint

NUMBER_COLUMNS = ("total_orders", "voucher_amount")
_LONGEST_EXAMPLE = 40
_number = re.compile(NUMBER_PATTERN)
_timestamp = re.compile(TIMESTAMP_PATTERN)
_END = r"(?:[ T].*)?"
_numeric_date = re.compile(rf"([0-9]{{1,2}})([/.-])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_END}", re.DOTALL)
_year_first = re.compile(rf"[0-9]{{4}}([/.])[0-9]{{1,2}}\1[0-9]{{1,2}}{_END}", re.DOTALL)
_named_month = re.compile(
    rf"[0-9]{{1,2}}([ /-])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\1([0-9]{{4}}|[0-9]{{2}}){_END}",
    re.IGNORECASE | re.DOTALL,
)
_MOST_MONTHS = 12
_GROUPS = r"[+-]?[0-9]{{1,3}}(?:{0}[0-9]{{3}})"
_BLANKS = "[ \u00a0\u202f]"
# Numbers by how they are written, and the decimal and thousands characters that would read them.
_FORMS = tuple(
    (re.compile(pattern), options)
    for pattern, options in (
        (rf"{_GROUPS.format('[.]')}+,[0-9]+", (",", ".")),
        (rf"{_GROUPS.format('[.]')}{{2,}}", (",", ".")),
        (rf"{_GROUPS.format(',')}+[.][0-9]+", (None, ",")),
        (rf"{_GROUPS.format(',')}{{2,}}", (None, ",")),
        (rf"{_GROUPS.format(_BLANKS)}+,[0-9]+", (",", " ")),
        (rf"{_GROUPS.format(_BLANKS)}+([.][0-9]+)?", (None, " ")),
        (rf"{_GROUPS.format(chr(39))}+,[0-9]+", (",", "'")),
        (rf"{_GROUPS.format(chr(39))}+([.][0-9]+)?", (None, "'")),
    )
)
_either = re.compile(_GROUPS.format(","))  # 1,234 has decimals or a group
_with_comma = re.compile(r"[+-]?[0-9]+,[0-9]+")


def hints_of(file: str, cells: Mapping[str, Sequence[str]], options: CsvOptions) -> Iterator[Hint]:
    """Yield a hint for each column that has values in another form than usual, if the run does not say how to read it.

    Parameters
    ----------
    file
        How the hint names the file.
    cells
        The first values of the columns.
    """
    if options.date_format is None:
        odd_dates = {name: _odd(cells[name], _timestamp) for name in TIME_COLUMNS if name in cells}
        formats = _date_options([value for odd in odd_dates.values() for value in odd])
        for column, odd in odd_dates.items():
            yield from _hint(file, column, odd, len(cells[column]), formats)
    if options.decimal is None and options.thousands is None:
        odd_numbers = {name: _odd(cells[name], _number) for name in NUMBER_COLUMNS if name in cells}
        found = _number_options([value for odd in odd_numbers.values() for value in odd])
        for column, odd in odd_numbers.items():
            read = Counter({value: rows for value, rows in odd.items() if _is_written_number(value)})
            yield from _hint(file, column, read, len(cells[column]), found)


def _odd(values: Iterable[str], usual: re.Pattern[str]) -> Counter[str]:
    """Return the values that are neither null nor written as usual, and how often each occurs."""
    counted = Counter(values)
    return Counter(
        {
            stripped: rows
            for value, rows in counted.items()
            if (stripped := value.strip()) and not usual.fullmatch(stripped) and not is_null(stripped)
        }
    )


def _hint(file: str, column: str, odd: Counter[str], of: int, options: Sequence[CsvOptions]) -> Iterator[Hint]:
    if odd and options:
        example = next(iter(odd))[:_LONGEST_EXAMPLE]
        yield Hint(file=file, column=column, example=example, values=odd.total(), of=of, options=tuple(options))


def _date_options(odd: Sequence[str]) -> list[CsvOptions]:
    numeric = [found for value in odd if (found := _numeric_date.fullmatch(value))]
    if numeric:
        between, year = numeric[0][2], "%Y" if len(numeric[0][4]) > len("18") else "%y"
        day_first = any(int(found[1]) > _MOST_MONTHS for found in numeric)
        month_first = any(int(found[3]) > _MOST_MONTHS for found in numeric)
        formats = [f"%d{between}%m{between}{year}"] * (day_first or not month_first)
        formats += [f"%m{between}%d{between}{year}"] * (month_first or not day_first)
    elif found := next(filter(None, map(_year_first.fullmatch, odd)), None):
        formats = [f"%Y{found[1]}%m{found[1]}%d"]
    elif found := next(filter(None, map(_named_month.fullmatch, odd)), None):
        formats = [f"%d{found[1]}%b{found[1]}{'%Y' if len(found[3]) > len('18') else '%y'}"]
    else:
        return []
    return [CsvOptions(date_format=each) for each in formats]


def _number_options(odd: Sequence[str]) -> list[CsvOptions]:
    forms = {options for value in odd for pattern, options in _FORMS if pattern.fullmatch(value)}
    plain_decimals = any(_with_comma.fullmatch(value) and not _either.fullmatch(value) for value in odd)
    decimal = "," if plain_decimals or any(decimal for decimal, _ in forms) else None
    thousands = {thousands for _, thousands in forms}
    if len(thousands) > 1 or (decimal and "," in thousands):
        return []  # the values contradict each other
    if decimal or thousands:
        return [_options(decimal, *thousands)]
    if any(map(_either.fullmatch, odd)):
        return [_options(",", None), _options(None, ",")]
    return []


def _options(decimal: str | None, thousands: str | None = None) -> CsvOptions:
    said = {"decimal": decimal, "thousands": thousands}
    return CsvOptions.model_validate({name: value for name, value in said.items() if value})


def _is_written_number(value: str) -> bool:
    return any(pattern.fullmatch(value) for pattern in (_either, _with_comma, *(pattern for pattern, _ in _FORMS)))
