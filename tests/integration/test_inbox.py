"""The inbox with the real functions: what is dropped is counted once, and each drop finds what became of it."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from local.quickstart.here.sample import sample_history
from tests.environment import BUCKET, STATE_MACHINE
from tests.histories import parquet_bytes
from tests.integration.conftest import CONTEXT, Pipeline, load_handler, read_json
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.state_machine import Standing
from voucher_selection.domain.errors import VoucherSelectionError

pytestmark = pytest.mark.usefixtures("two_segments")


class Machine:
    """Step Functions: it runs one state after another when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, dict[str, Any]]] = []
        self.standings: dict[str, Standing] = {}
        self.requests: dict[str, dict[str, Any]] = {}

    def start_as(self, run_id: str, request: dict[str, Any]) -> None:
        if run_id not in self.standings:
            self.waiting.append((run_id, request))
            self.requests[run_id] = request
            self.standings[run_id] = Standing("RUNNING", None, "")

    def standing(self, run_id: str) -> Standing | None:
        return self.standings.get(run_id)


class Deployment:
    """The functions, and what the bucket's events and the state machine do with them."""

    def __init__(self, pipeline: Pipeline, patch: pytest.MonkeyPatch, overlap: str) -> None:
        patch.setenv("INBOX_OVERLAP", overlap)
        self.pipeline, self.machine = pipeline, Machine()
        self.handler = load_handler("inbox")
        inbox = self.handler._inbox(STATE_MACHINE)._replace(machine=self.machine)
        patch.setattr(self.handler, "_inbox", lambda _: inbox)
        patch.setattr("voucher_selection.adapters.inbox_lease._PAUSE", datetime.resolution)

    def drop(self, name: str, content: bytes) -> None:
        self.pipeline.lake.client.put_object(Bucket=BUCKET, Key=f"inbox/{name}", Body=content)

    def tell(self, **event: Any) -> dict[str, Any]:
        return self.handler.lambda_handler({"state_machine_arn": STATE_MACHINE, **event}, CONTEXT)

    def run_all(self) -> None:
        while self.machine.waiting:
            self.run(*self.machine.waiting.pop(0))

    def run(self, run_id: str, request: dict[str, Any]) -> bool:
        """Run as the state machine does; return whether the failure, if it is one, is announced."""
        try:
            planned = self.pipeline.ingest(run_id, request, datetime.now(UTC))
            try:
                self.pipeline.clean(planned)
            finally:
                self.pipeline.model(run_id)
        except VoucherSelectionError as error:
            failed = {"run_id": run_id, "status": "failed", "error": type(error).__name__}
            record = json.dumps(failed | {"cause": json.dumps({"errorMessage": str(error)})})
            self.pipeline.lake.client.put_object(Bucket=BUCKET, Key=RunKeys(run_id).summary, Body=record)
        goes_on = self.tell(ended=run_id)["goes_on"]
        self.machine.standings[run_id] = Standing("SUCCEEDED", None, "")
        return not goes_on

    def result(self, name: str) -> dict[str, Any]:
        return read_json(self.pipeline.lake, f"inbox-results/{name}.json")

    def results(self) -> dict[str, dict[str, Any]]:
        names = (key.removeprefix("inbox-results/") for key in self.pipeline.lake.list("inbox-results/"))
        return {name.removesuffix(".json"): read_json(self.pipeline.lake, f"inbox-results/{name}") for name in names}


@pytest.fixture
def deployed(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Deployment]:
    return lambda overlap: Deployment(pipeline, monkeypatch, overlap)


def some_days(seed: int, rows: int = 40) -> pa.Table:
    return sample_history(rows * 20, seed=seed).slice(0, rows)


def damaged(content: bytes) -> bytes:
    """Return parquet whose footer is right and whose pages are not."""
    return content[:4] + bytes(byte ^ 0x5A for byte in content[4:400]) + content[400:]


def served(catalog: Catalog) -> Any:
    return catalog.read(catalog.served_version()).modes


def test_many_drops_in_any_order_count_once_in_few_runs(
    deployed: Callable[[str], Deployment], pipeline: Pipeline, catalog: Catalog
):
    chance, inbox = random.Random(15), deployed("add")
    sound = {f"day={n % 7}/{n}.parquet": parquet_bytes(some_days(n)) for n in range(30)}
    broken = {
        "empty.parquet": b"",
        "text.parquet": b"no parquet",
        "columns.parquet": parquet_bytes(some_days(1).select(["country_code"])),
        "pages.parquet": damaged(parquet_bytes(some_days(2))),
        "notes.doc": b"?",
    }
    newer = {name: parquet_bytes(some_days(1_000 + n)) for n, name in enumerate(list(sound)[:5])}
    drops = [*sound.items(), *broken.items(), *chance.choices([*sound.items(), *broken.items()], k=45)]
    chance.shuffle(drops)
    counted = set()

    for n, (name, content) in enumerate([*drops, *newer.items()]):
        inbox.drop(name, content)
        counted.add((name, content))
        for _ in range(chance.choice((0, 1, 1, 2))):
            inbox.tell()
        if n % 20 == 0 and inbox.machine.waiting:
            inbox.run(*inbox.machine.waiting.pop(0))
        if n == len(drops) - 1:
            inbox.tell()
            inbox.run_all()
    inbox.tell()
    inbox.run_all()

    statuses = Counter(result["status"] for result in inbox.results().values())
    assert statuses["counted"] + statuses["counted_before"] == len(sound)
    assert statuses["refused"] == len(broken)
    errors = {name: inbox.result(name)["error"] for name in broken}
    assert errors == {
        "empty.parquet": "EmptySource",
        "text.parquet": "NotParquet",
        "columns.parquet": "WrongSchema",
        "pages.parquet": "ShardsIncomplete",
        "notes.doc": "NoDataFiles",
    }
    assert len(inbox.machine.requests) < 40, "few runs: the damaged file comes again, and is looked for each time"
    by_drops = served(catalog)
    for n, content in enumerate(sorted(content for name, content in counted if name in sound)):
        pipeline.lake.client.put_object(Bucket=BUCKET, Key=f"uploads/all/{n}.parquet", Body=content)
    pipeline.run("all", {"source": f"s3://{BUCKET}/uploads/all/"}, datetime.now(UTC))
    assert served(catalog) == by_drops


def test_a_result_has_the_words_the_numbers_and_the_run(deployed: Callable[[str], Deployment]):
    inbox, content = deployed("refuse"), parquet_bytes(some_days(3))
    inbox.drop("monday/ä +%20 1.parquet", content)

    inbox.tell()
    inbox.run_all()

    ((run_id, request),) = inbox.machine.requests.items()
    assert request == {
        "mode": "full",
        "source": f"s3://{BUCKET}/inbox/",
        "files": ["monday/ä +%20 1.parquet"],
        "unusable": "leave_out",
    }
    result = inbox.result("monday/ä +%20 1.parquet")
    assert (result["status"], result["rows"], result["size"]) == ("counted", 40, len(content))
    assert result["run_id"] == run_id == result["version"].partition("-")[2]
    run = result["run"]
    assert run["kept"] + run["rejected"] + run["other_country"] == run["rows_read"] == 40
    assert result["message"].startswith("Its 40 rows are counted. Its run read 40 rows of this file alone: ")


def test_csv_and_json_lines_are_taken_with_parquet_and_a_bad_line_hinders_none(deployed: Callable[[str], Deployment]):
    inbox, rows = deployed("add"), some_days(3)
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows.to_pylist()]
    lines = [";".join(row) for row in (rows.column_names, *cells)]
    inbox.drop("semicolons.csv", "\r\n".join(lines).encode("utf-16"))
    inbox.drop("lines.jsonl", "\n".join(json.dumps(row, default=str) for row in some_days(4).to_pylist()).encode())
    inbox.drop("short.csv", "\n".join([*lines, "Peru;1"]).encode())
    inbox.drop("rows.parquet", parquet_bytes(some_days(5)))

    inbox.tell()
    inbox.run_all()

    results = inbox.results()
    assert {name: result["status"] for name, result in results.items()} == {
        **dict.fromkeys(("semicolons.csv", "lines.jsonl", "rows.parquet"), "counted"),
        "short.csv": "refused",
    }
    assert (results["short.csv"]["error"], results["semicolons.csv"]["rows"]) == ("UnreadableText", 40)
    assert "line 42" in results["short.csv"]["message"]
    assert len(inbox.machine.requests) == 1


def test_the_same_content_dropped_again_is_counted_before(deployed: Callable[[str], Deployment]):
    inbox, content = deployed("refuse"), parquet_bytes(some_days(3))
    for _ in range(2):
        # S3 tells when an object came in whole seconds: without its mark, the first one came earlier
        for key in list(inbox.pipeline.lake.list("runs/inbox/")):
            inbox.pipeline.lake.client.delete_object(Bucket=BUCKET, Key=key)
        inbox.drop("a.parquet", content)
        inbox.tell()
        inbox.run_all()

    inbox.tell()

    assert inbox.result("a.parquet")["status"] == "counted_before"
    assert len(inbox.machine.requests) == 2


def test_days_that_are_counted_already_are_held_back_alone(deployed: Callable[[str], Deployment], pipeline: Pipeline):
    inbox, first = deployed("refuse"), some_days(3)
    inbox.drop("first.parquet", parquet_bytes(first))
    inbox.tell()
    inbox.run_all()
    later = first.set_column(
        first.schema.get_field_index("timestamp"), "timestamp", pa.array(["2019-01-01 00:00:00"] * first.num_rows)
    )
    inbox.drop("again.parquet", parquet_bytes(first, row_group_size=7))
    inbox.drop("later.parquet", parquet_bytes(later))
    inbox.drop("empty.parquet", b"")

    inbox.tell()
    inbox.run_all()

    statuses = {name: result["status"] for name, result in inbox.results().items()}
    assert statuses == {
        "first.parquet": "counted",
        "again.parquet": "held_back",
        "later.parquet": "counted",
        "empty.parquet": "refused",
    }
    held_back = inbox.result("again.parquet")
    assert held_back["error"] == "DeliveryOverlaps"
    assert f"./quickstart approve {held_back['run_id']} --overlap replace" in held_back["message"]
    approval = {"mode": "approve", "run_id": held_back["run_id"], "overlap": "add"}
    pipeline.lake.client.put_object(
        Bucket=BUCKET,
        Key=RunKeys(held_back["run_id"]).summary,
        Body=json.dumps(
            {
                "run_id": held_back["run_id"],
                "status": "failed",
                "request": inbox.machine.requests[held_back["run_id"]],
                "started_at": datetime.now(UTC).isoformat(),
                "error": "DeliveryOverlaps",
                "cause": "{}",
            }
        ),
    )
    assert pipeline.sum_up("approval", approval)["published"]


def test_a_run_whose_files_others_try_is_not_announced(deployed: Callable[[str], Deployment]):
    inbox = deployed("add")
    inbox.drop("sound.parquet", parquet_bytes(some_days(3)))
    inbox.drop("pages.parquet", damaged(parquet_bytes(some_days(4))))
    inbox.tell()

    announced = []
    while inbox.machine.waiting:
        run_id, request = inbox.machine.waiting.pop(0)
        announced.append((request["files"], inbox.run(run_id, request)))

    assert [announces for files, announces in announced if len(files) > 1] == [False]
    assert [announces for files, announces in announced if files == ["pages.parquet"]] == [True]


@pytest.mark.parametrize("name", ["_SUCCESS", "folder/", ".hidden.parquet", "_temporary/0/a.parquet"])
def test_what_holds_no_data_by_its_name_gets_no_run_and_no_result(deployed: Callable[[str], Deployment], name: str):
    inbox = deployed("add")
    inbox.drop(name, b"x")

    inbox.tell()

    assert not inbox.machine.requests
    assert inbox.results() == {}


def test_the_files_of_a_table_are_refused_and_hinder_no_other(deployed: Callable[[str], Deployment]):
    inbox, content = deployed("add"), parquet_bytes(some_days(3))
    for name, body in {"t/_delta_log/0.json": b"{}", "t/a.parquet": content, "b.parquet": content}.items():
        inbox.drop(name, body)

    inbox.tell()
    inbox.run_all()

    assert {name: result["status"] for name, result in inbox.results().items()} == {
        "t/a.parquet": "refused",
        "b.parquet": "counted",
    }
    assert inbox.result("t/a.parquet")["error"] == "TableFormat"


def test_a_file_that_is_deleted_before_its_run_is_not_missed_by_others(deployed: Callable[[str], Deployment]):
    inbox = deployed("add")
    for name in ("a.parquet", "b.parquet"):
        inbox.drop(name, parquet_bytes(some_days(3)))
    inbox.tell()
    inbox.pipeline.lake.client.delete_object(Bucket=BUCKET, Key="inbox/a.parquet")

    inbox.run_all()

    assert inbox.result("b.parquet")["status"] == "counted"
    assert (inbox.result("a.parquet")["status"], inbox.result("a.parquet")["error"]) == ("refused", "SourceNotFound")


def test_a_stopped_run_is_tried_again_three_times(deployed: Callable[[str], Deployment]):
    inbox = deployed("add")
    inbox.drop("a.parquet", parquet_bytes(some_days(3)))

    for _ in range(4):
        inbox.tell()
        for run_id, _ in inbox.machine.waiting:
            inbox.machine.standings[run_id] = Standing("ABORTED", None, "")
        inbox.machine.waiting.clear()

    result = inbox.result("a.parquet")
    assert (result["status"], result["error"], len(inbox.machine.requests)) == ("failed", "ABORTED", 3)
    assert "It was tried 3 times" in result["message"]
    assert "Drop it again" in result["message"]
