"""What the how-to of the model in SQL runs and prints."""

import contextlib
import io
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.models import model_of
from voucher_selection.domain.model import AmountCount, SegmentMode
from voucher_selection.domain.model_sql import model_sql
from voucher_selection.domain.segments import shipped_definitions

PAGE = ROOT / "docs/how-to/use-the-model-in-sql.md"


def test_the_code_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some = (AmountCount(2640.0, 2),)  # as every large segment of the sample
    modes = [
        SegmentMode("Peru", segmentation.name, segment, *bounds, some)
        for segmentation in shipped_definitions().segmentations
        for segment, bounds in segmentation.bounds.items()
    ]
    (tmp_path / "model.sql").write_text(model_sql(model_of(*modes), "duckdb"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (program,) = (code.text for code in blocks(PAGE) if code.language == "python")
    printed = io.StringIO()

    with contextlib.redirect_stdout(printed):
        exec(program, {})  # noqa: S102 - the page's own

    assert printed.getvalue() in [code.text for code in blocks(PAGE)]
