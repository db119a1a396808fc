"""What was recognised of text files, as a run's record and page have it."""

import json

from tests.ended_runs import run_of
from voucher_selection.api import pages
from voucher_selection.domain.text_formats import CsvOptions, Hint, TextFormat, Texts, shown_columns

SEMICOLONS = TextFormat(format="csv", delimiter=";", quote='"', encoding="windows-1252", columns=("country_code", "a"))
HINT = Hint(file="a.csv", column="voucher_amount", example="9,95", values=3, of=4, options=(CsvOptions(decimal=","),))


def page_of(texts: Texts) -> str:
    run = run_of({"texts": texts.model_dump(mode="json")})
    return pages.run_page(pages.frame_of("runs/run-1"), run, may_start=False)


def test_files_of_one_format_are_told_once():
    others = SEMICOLONS.model_copy(update={"compression": "gzip"})

    texts = Texts.of([("a.csv", SEMICOLONS), ("b.csv.gz", others), ("c.csv", SEMICOLONS)], [])

    assert [(found.recognised, found.files, found.first) for found in texts.formats] == [
        (SEMICOLONS, 2, "a.csv"),
        (others, 1, "b.csv.gz"),
    ]


def test_the_same_hint_of_many_files_is_told_once():
    hints = [HINT.model_copy(update={"file": f"{name}.csv"}) for name in "abc"]

    assert Texts.of([], hints).hints == (hints[0],)


def test_formats_and_hints_of_any_files_fit_into_the_result_of_an_execution():
    name = "😀" * 255
    formats = [
        TextFormat(format="json_lines", columns=shown_columns(f"{key}{number}{name}" for key in range(100)))
        for number in range(100)
    ]
    hints = [HINT.model_copy(update={"file": name, "column": f"{number}"}) for number in range(100)]

    texts = Texts.of([(f"{name}{number}", found) for number, found in enumerate(formats)], hints)

    assert len(json.dumps(texts.model_dump(mode="json"))) < 2**16
    assert len(texts.formats) >= 1
    assert len(texts.hints) >= 5


def test_the_page_of_a_run_has_what_was_recognised_and_the_hints():
    page = page_of(Texts.of([("s3://b/a.csv", SEMICOLONS), ("s3://b/c.csv", SEMICOLONS)], [HINT]))

    assert "CSV with semicolons, quotes &#34;, windows-1252" in page
    assert "<td>s3://b/a.csv</td><td>country_code, a</td>" in page
    assert '<td class="number">2</td>' in page
    assert (
        "3 of the first 4 values of voucher_amount look like 9,95: say &#34;csv&#34;: {&#34;decimal&#34;:&#34;,&#34;}"
        in page
    )


def test_names_of_columns_cannot_change_the_page():
    page = page_of(Texts.of([("<i>.csv", SEMICOLONS.model_copy(update={"columns": ("<b>x</b>",)}))], []))

    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x" not in page
    assert "<i>" not in page


def test_the_page_of_a_run_over_parquet_says_nothing_of_text_files():
    assert "text files" not in page_of(Texts())
