"""How cells of a file that is sent must look, as quality rules in DuckDB's SQL: the patterns are those of the product.

A row that breaks such a rule is rejected by the cleaning rule of the same name, and the others of its file are used. So
the rules only warn.
"""

import re
from typing import Any

from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.amounts import LARGEST_AMOUNT, SMALLEST_AMOUNT
from voucher_selection.domain.formats import LARGEST_WHOLE, NULL_WORDS, NUMBER_PATTERN, TIMESTAMP_PATTERN

type Json = dict[str, Any]

# DuckDB writes a time with a time zone with the hours of its offset alone: +00.
_TIME = r"regexp_replace(cell, '(:[0-9.]+[+-][0-9]{2})$', '\1:00')"
_NUMBER = "TRY_CAST(cell AS DOUBLE)"
_NULL = f"(?i:{'|'.join(map(re.escape, ['', *NULL_WORDS]))})"


def dates() -> list[Json]:
    """Return the rules of a column of dates or times."""
    said = "A date or time like 2018-05-03 or 2018-05-03T18:00:00Z, or null."
    return [_malformed(said, _TIME, TIMESTAMP_PATTERN, "TRY_CAST(left(trim(cell), 10) AS DATE) >= DATE '0001-01-01'")]


def whole_numbers() -> list[Json]:
    """Return the rules of a column of whole numbers that every row needs."""
    is_whole = f"{_NUMBER} BETWEEN 0 AND {LARGEST_WHOLE} AND {_NUMBER} % 1 = 0"
    said = "A whole number of at least 0, like 15 or 15.0, or null."
    return [_malformed(said, "cell", NUMBER_PATTERN, is_whole), _missing(Rule.NULL_TOTAL_ORDERS)]


def amounts() -> list[Json]:
    """Return the rules of a column of amounts that every row needs."""
    in_range = f"({_NUMBER} = 0 OR {_NUMBER} BETWEEN {SMALLEST_AMOUNT:g} AND {LARGEST_AMOUNT:g})"
    said = f"0, or a number from {SMALLEST_AMOUNT:g} to {LARGEST_AMOUNT:g}, like 2640 or 9.95, or null."
    return [_malformed(said, "cell", NUMBER_PATTERN, in_range), _missing(Rule.NULL_VOUCHER_AMOUNT)]


def _malformed(said: str, text: str, pattern: str, more: str) -> Json:
    """Return the rule that a cell, as `text`, is null or matches a pattern and fulfils a condition more."""
    well_formed = f"coalesce(\n    {_matches(text, pattern)}\n    AND {more},\n    false)"
    return _warning(Rule.MALFORMED, said, f"NOT {_matches('cell', _NULL)} AND NOT {well_formed}", "conformity")


def _missing(rule: Rule) -> Json:
    said = "A row without a value is rejected."
    return _warning(rule, said, _matches("coalesce(cell, '')", _NULL), "completeness")


def _warning(rule: Rule, said: str, wrong: str, dimension: str) -> Json:
    return {
        "id": rule.value,
        "name": rule.value,
        "description": said,
        "type": "sql",
        "dimension": dimension,
        "severity": "warning",
        "query": f"SELECT count(*)\nFROM (SELECT CAST(${{column}} AS VARCHAR) AS cell FROM ${{table}})\nWHERE {wrong}",
        "mustBe": 0,
    }


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, '\\s*({pattern})\\s*')"
