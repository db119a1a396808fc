"""The same rows as parquet, CSV in 200 dialects and JSON lines: the same counts, or an error of ours; never others."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pytest

from local.quickstart.proof import reference
from tests.counted_files import Counted, counted
from tests.histories import parquet_bytes
from tests.hostile_texts import json_lines
from tests.json_dialects import json_files
from tests.memory_runs import StageSettings
from tests.text_dialects import DIALECTS, NAMES, Dialect, Row, as_table, dialects, rows
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import EmptySource, UnreadableText
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.totals import Totals

CUR_DATE = date(2018, 9, 15)
type OfParquet = Callable[[Sequence[Row]], Counted]


@pytest.fixture(scope="module")
def stage() -> Iterator[StageSettings]:
    with StageSettings.of(countries=("Peru",)) as stage:
        yield stage


@pytest.fixture(scope="module")
def of_parquet(stage: StageSettings) -> OfParquet:
    """What the same rows count in a parquet file."""
    known: dict[str, Counted] = {}

    def found(some: Sequence[Row]) -> Counted:
        if (key := repr(some)) not in known:
            known[key] = counted(stage, {"rows.parquet": parquet_bytes(as_table(some))})
        return known[key]

    return found


def test_the_rows_in_parquet_count_what_the_reference_says(of_parquet: OfParquet):
    meant = [
        row | {"country_code": reference.country(row["country_code"])} for row in reference.meant(as_table(rows()))
    ]
    fate, amounts = reference.answer_of(meant, "Peru", CUR_DATE)

    found = of_parquet(rows())

    assert found.totals.kept == fate.pop("kept") > 15
    assert found.totals.other_country == fate.pop("other_country") > 15
    assert {rule: number for rule, number in found.totals.rejected.items() if number} == fate
    modes = segment_modes(found.counts, shipped_definitions(), CUR_DATE, ["Peru"])
    by_segment = {
        (it.segment_name, it.segment): {used.voucher_amount: used.count for used in it.assignments} for it in modes
    }
    assert by_segment == amounts


def test_there_are_200_dialects_and_each_quirk_is_in_several():
    assert len(set(dialects())) == DIALECTS == 200
    for quirk in vars(Dialect()):
        values = [getattr(dialect, quirk) for dialect in dialects()]
        assert min(values.count(value) for value in set(values)) >= 4, quirk


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.name)
def test_a_dialect_counts_what_parquet_counts(dialect: Dialect, stage: StageSettings, of_parquet: OfParquet):
    files = {"rows.csv": dialect.written()}
    if dialect.size == "only a header":
        with pytest.raises(EmptySource):
            counted(stage, files)
        return
    if is_refused(dialect):
        with pytest.raises(UnreadableText, match=r"rows\.csv, the row that begins in line \d+ cannot be read"):
            counted(stage, files)
        return

    found, expected = counted(stage, files), of_parquet(dialect.rows)

    assert found.counts == expected.counts
    assert found.totals.rejected == expected.totals.rejected
    # A repeated header and a total are rows of no country that was asked for.
    assert found.totals.rows_read == expected.totals.rows_read + dialect.lines_more()
    assert found.totals.other_country == expected.totals.other_country + dialect.lines_more()
    named = expected.totals.other_countries
    assert {name: found.totals.other_countries[name] for name in named if name != "no country"} == {
        name: number for name, number in named.items() if name != "no country"
    }
    (text,) = found.plan.texts.formats
    assert text.recognised.delimiter == dialect.delimiter
    assert text.recognised.compression == {"none": None, "gzip members": "gzip"}.get(
        dialect.compression, dialect.compression
    )


def is_refused(dialect: Dialect) -> bool:
    r"""Return whether a file must be refused: it has `\"` for a quote, or blanks between a quote and a delimiter."""
    text, end = dialect.text(), re.escape(dialect.delimiter)
    escaped = dialect.quotes_inside == "with a backslash" and f"\\{dialect.quote}" in text
    apart = dialect.blanks == "around quotes" and re.search(rf"{dialect.quote} (?:{end}|[\r\n])", text) is not None
    return escaped or apart


@pytest.mark.parametrize(("name", "content"), json_files().items())
def test_json_lines_count_what_parquet_counts(name: str, content: bytes, stage: StageSettings, of_parquet: OfParquet):
    found = counted(stage, {"rows.jsonl": content})

    expected = of_parquet(rows())
    assert (found.counts, found.totals) == (expected.counts, expected.totals)
    assert [text.recognised.format for text in found.plan.texts.formats] == ["json_lines"]


def test_files_of_all_formats_in_a_folder_count_together(stage: StageSettings, of_parquet: OfParquet):
    contents = {
        "a.csv": Dialect(delimiter=";", encoding="Latin-1").written(),
        "b.csv.gz": Dialect(compression="gzip members", line_end="\r\n").written(),
        "c.tsv": Dialect(delimiter="\t", encoding="UTF-16 BE").written(),
        "d.jsonl": json_files()["more keys"],
        "e.parquet": parquet_bytes(as_table(rows())),
        # Formats are recognised by content, never by the name.
        "f.csv": parquet_bytes(as_table(rows())),
        "g.parquet": Dialect(compression="zstd").written(),
        "h.json": Dialect(delimiter="|").written(),
    }

    found, once = counted(stage, contents), of_parquet(rows())

    assert found.counts == Counts.sum([once.counts] * len(contents))
    assert found.totals == Totals.sum([once.totals] * len(contents))
    assert sum(text.files for text in found.plan.texts.formats) == 6


def test_folders_have_columns_of_csv_files_in_hives_way(stage: StageSettings, of_parquet: OfParquet):
    peru = [row for row in rows() if row["country_code"] == "Peru"]
    without = [name for name in NAMES if name != "country_code"]
    objects = [{name: row[name] for name in without} for row in peru]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, without, delimiter=";")
    writer.writeheader()
    writer.writerows(objects)
    lines = text.getvalue().encode()

    found = counted(
        stage,
        {
            "country_code=Peru/part-0.csv": lines,
            "country_code=Peru/part-1.json": json_lines(*objects),
            "country_code=Latvia/part-0.csv": lines,
        },
    )

    once = of_parquet(peru)
    assert found.counts == Counts.sum([once.counts] * 2)
    assert found.totals.other_countries == {"Latvia": len(peru)}
