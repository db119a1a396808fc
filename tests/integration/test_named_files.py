"""Runs that read only named files of a folder, and runs that leave out files that cannot be used."""

from typing import Any

import pytest

from local.quickstart.here.sample import sample_history
from tests.environment import BUCKET
from tests.histories import parquet_bytes
from tests.integration.conftest import FOLDER, Pipeline, read_json
from voucher_selection.domain.errors import InvalidRequest, NotParquet, NoUsableFiles, SourceNotFound
from voucher_selection.domain.requests import AppendRequest, FullRequest

pytestmark = pytest.mark.usefixtures("two_segments")


@pytest.fixture
def broken(put) -> dict[str, str]:
    """Files that no run can use, in the folder of the days, with the names of their errors."""
    columns = parquet_bytes(sample_history(20, seed=1).select(["country_code"]))
    contents = {"empty": (b"", "EmptySource"), "text": (b"no parquet", "NotParquet"), "few": (columns, "WrongSchema")}
    contents["no-rows"] = (parquet_bytes(sample_history(20, seed=1).slice(0, 0)), "EmptySource")
    return {put(f"uploads/days/{name}.parquet", body): error for name, (body, error) in contents.items()}


def test_only_the_named_files_of_a_folder_are_read(pipeline: Pipeline, days: list[str]):
    result = pipeline.run("named", {"source": FOLDER, "files": ["day-2.parquet", "gone.parquet", "day-0.parquet"]})

    assert (result["files"], result["rows"]["rows_read"]) == (2, 1_600)
    plan = read_json(pipeline.lake, "runs/run_id=named/plan.json")
    assert {file["source"] for file in plan["files"]} == {days[0], days[2]}


def test_an_append_adds_the_named_files_that_are_new(pipeline: Pipeline, days: list[str]):
    pipeline.run("first", {"source": days[0]})

    result = pipeline.append("next", FOLDER, files=["day-0.parquet", "day-1.parquet"])

    assert (result["known_files"], result["files"]) == (1, 1)


@pytest.mark.parametrize(("files", "error"), [(["x.parquet"], SourceNotFound), ([], InvalidRequest)])
def test_a_run_without_any_named_file_is_refused(pipeline: Pipeline, days: list[str], files: Any, error: type):
    assert days
    with pytest.raises(error):
        pipeline.ingest("none", {"source": FOLDER, "files": files})


@pytest.mark.parametrize("files", [["a\x00"], ["a"] * 501, ["x" * 1_000] * 61, "a.parquet", [""]])
@pytest.mark.parametrize("kind", [FullRequest, AppendRequest])
def test_names_of_files_have_limits(kind: Any, files: Any):
    with pytest.raises(InvalidRequest, match="files"):
        kind.parse({"mode": kind.__name__.removesuffix("Request").lower(), "source": FOLDER, "files": files})


def test_files_of_one_file_from_https_are_refused(pipeline: Pipeline):
    with pytest.raises(InvalidRequest, match="expected names below a folder"):
        pipeline.ingest("https", {"source": "https://localhost/a.parquet", "files": ["a.parquet"]})


def test_files_that_cannot_be_used_are_left_out_and_named(pipeline: Pipeline, days: list[str], broken: dict[str, str]):
    result = pipeline.run("leaves-out", {"source": FOLDER, "unusable": "leave_out"})

    plan = read_json(pipeline.lake, "runs/run_id=leaves-out/plan.json")
    assert {file["source"]: file["error"] for file in plan["unusable"]} == broken
    assert {file["source"] for file in plan["files"]} == {*days}
    assert (result["files"], result["unusable"]["files"]) == (3, 4)
    assert {file["source"]: file["error"] for file in result["unusable"]["first"]} == broken
    assert all(file["message"] for file in result["unusable"]["first"])


def test_without_any_usable_file_the_run_fails_and_its_plan_names_each(pipeline: Pipeline, broken: dict[str, str], put):
    with pytest.raises(NoUsableFiles, match=f"none of the 4 files of {FOLDER} can be used; the first: "):
        pipeline.ingest("nothing", {"source": FOLDER, "unusable": "leave_out"})

    assert len(read_json(pipeline.lake, "runs/run_id=nothing/plan.json")["unusable"]) == len(broken)
    with pytest.raises(NotParquet):
        pipeline.ingest("refuses", {"source": put("uploads/one/text.parquet", b"no parquet")})


def test_results_of_the_inbox_are_no_source_and_the_inbox_is(pipeline: Pipeline, put):
    source = put("inbox/a.parquet", parquet_bytes(sample_history(300, seed=2)))

    assert pipeline.ingest("inbox", {"source": source})["rows"] == 300
    with pytest.raises(Exception, match="where runs write"):
        pipeline.ingest("results", {"source": f"s3://{BUCKET}/inbox-results/"})
