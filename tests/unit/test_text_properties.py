"""Any rows, written by Python's `csv` in any dialect or as JSON lines, count as in parquet, or are refused by name."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.counted_files import counted
from tests.histories import parquet_bytes
from tests.memory_runs import StageSettings
from tests.text_dialects import NAMES, Row, as_table
from voucher_selection.domain.errors import VoucherSelectionError

EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
HARD = st.sampled_from(
    [*",;|\t\"'\n\r\\ #", "\r\n", '""', '","', "';'", "é", "€", "\u2028", "\ufeff", "😀", "NULL", r"\N", "NaN"]
)
TEXTS = st.lists(HARD | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=3), max_size=5).map("".join)
LONG = st.sampled_from(["x" * 40_000, "y;\n" * 20_000, 'z","' * 10_000])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.sampled_from(["2018-07-21 18:59:21.102761", "2018-07-21", None]) | TEXTS,
            "country_code": st.sampled_from(["Peru", "Peru", " Peru", "Perú", None]) | TEXTS,
            "last_order_ts": st.sampled_from(["2018-05-03", "2018-05-03", None]) | TEXTS,
            "first_order_ts": st.sampled_from(["2017-05-03", None]) | TEXTS,
            "total_orders": st.sampled_from(["3.0", "3", "0007", None]) | TEXTS,
            "voucher_amount": st.sampled_from(["2640.0", "2640", "3520.50", None]) | TEXTS,
            "comment": TEXTS | LONG,
        }
    ),
    min_size=1,
    max_size=8,
)
WRITERS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
    }
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])
COLUMNS = st.permutations([*NAMES, "comment"])


@pytest.fixture(scope="module")
def stage() -> Iterator[StageSettings]:
    with StageSettings.of(countries=("Peru",)) as stage:
        yield stage


@EXAMPLES
@given(ROWS, WRITERS, ENCODINGS, COLUMNS, st.booleans())
def test_csv_of_any_texts_counts_as_parquet(stage, some, writer, encoding, columns, is_compressed):
    content = as_csv(some, columns, writer).encode(encoding)

    check_same(stage, some, gzip.compress(content, 1) if is_compressed else content)


@EXAMPLES
@given(ROWS, COLUMNS, st.booleans())
def test_json_lines_of_any_texts_count_as_parquet(stage, some, columns, ensure_ascii):
    lines = (json.dumps({name: row[name] for name in columns}, ensure_ascii=ensure_ascii) for row in some)

    check_same(stage, some, "".join(f"{line}\n" for line in lines).encode())


def as_csv(some: list[Row], columns: list[str], writer: dict[str, Any]) -> str:
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, columns, extrasaction="ignore", **writer)
    rows.writeheader()
    rows.writerows(some)
    return text.getvalue()


def check_same(stage: StageSettings, some: list[Row], content: bytes) -> None:
    """Check that a file counts what its rows count in parquet."""
    expected = counted(stage, {"rows.parquet": parquet_bytes(as_table(some))})
    try:
        found = counted(stage, {"rows.csv": content})
    except VoucherSelectionError as error:
        assert "rows.csv" in str(error)
        return
    assert found.counts == expected.counts
    assert found.totals == expected.totals
