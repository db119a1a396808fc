"""The command line: what it tells people, and the one JSON document that it answers programs with."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.contenders.offline_readers import python_reader
from tests.customers import case
from tests.histories import GOOD_ROW, parquet_bytes, repeated
from tests.lookup_requests import SEED_REQUEST
from tests.models import SHIPPED_SEGMENTS
from tests.product import KEYED_SETTINGS, ROOT, Product, free_port
from tests.sql_customers import row_of
from voucher_selection.domain.wording import amount

LOOKUP = ("lookup", "--country", "Peru", "--segment-name", "recency_segment", "--last-order", "2018-05-03")


def asked(product: Product, *arguments: str, exit_code: int = 0) -> Any:
    """Return the one document that a command answers with."""
    done = product.quickstart(*arguments, "--json")
    assert done.returncode == exit_code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ran(product: Product, sample: Path) -> dict[str, Any]:
    """What a run over the sample answers, which starts what is not up."""
    return asked(product, "run", "--source", str(sample))


@pytest.fixture
def few(product: Product, ran: dict[str, Any], sample: Path, tmp_path: Path) -> Iterator[Product]:
    """The product with a model of few rows: 45 days before CUR_DATE 20 and 15 of two amounts, 76 days 16 and 12."""
    rows = [
        *repeated(20, last_order_ts="2018-08-01", voucher_amount=100.0),
        *repeated(15, last_order_ts="2018-08-01", voucher_amount=200.0),
        *repeated(16, last_order_ts="2018-07-01", voucher_amount=100.0),
        *repeated(12, last_order_ts="2018-07-01", voucher_amount=200.0),
    ]
    as_text = [GOOD_ROW | row | {"first_order_ts": "", "total_orders": "3,0"} for row in rows]
    lines = [";".join(GOOD_ROW), *(";".join(map(str, row.values())).replace(".0", ",0") for row in as_text)]
    (tmp_path / "few.csv").write_text("\n".join(lines))
    done = product.run("--source", str(tmp_path / "few.csv"), "--csv", "decimal=,")
    assert "few.csv: CSV with semicolons" in done.stderr
    assert "few.csv: CSV with semicolons" in done.stdout
    yield product
    product.run("--source", str(sample))


def test_a_run_answers_with_itself_and_with_what_is_served(product: Product, ran: dict[str, Any]):
    assert set(ran) == {"run", "served", "api_url", "api_key"}
    run = ran["run"]
    assert run == product.request("GET", f"executions/{run['run_id']}").json()
    assert ran["served"] == product.request("GET", "selection_criteria").json()
    rows = run["rows"]
    assert (run["mode"], run["status"], run["shards"], rows["rows_read"]) == ("full", "SUCCEEDED", 1, 20_000)
    assert rows["rows_read"] == rows["other_country"] + sum(rows["rejected"].values()) + rows["kept"]
    assert (run["outcome"], run["published"], run["error"]) == ("published", True, None)
    assert run["seconds"] >= sum(state["seconds"] for state in run["states"]) > 0
    assert ran["served"]["model"]["version"] == run["version"]
    assert ran["api_key"] is None
    assert asked(product, "status")["last_run"] == run


def test_steps_and_progress_go_to_stderr(product: Product, sample: Path, ran: dict[str, Any]):
    done = product.run("--source", str(sample))

    assert "✓ Uploading history.parquet.gzip" in done.stderr
    assert "✓" not in done.stdout
    assert "20,000 rows read" in done.stdout
    assert "rows/s" in done.stdout


def test_a_report_shows_every_segment_with_its_amounts(product: Product, sample: Path, ran: dict[str, Any]):
    everything = product.quickstart("report").stdout
    done = product.quickstart("report", "--segment-name", "recency_segment")
    told = asked(product, "report", "--segment-name", "recency_segment")

    served = product.request("GET", "model").json()
    assert 0 <= told["age_seconds"] <= served["age_seconds"]
    of_recency = [segment for segment in served["segments"] if segment["segment_name"] == "recency_segment"]
    quality = served["quality"]
    of_quality = [found for found in quality["segmentations"] if found["segment_name"] == "recency_segment"]
    chosen = {"segments": of_recency, "quality": quality | {"segmentations": of_quality}}
    assert told == served | chosen | {"age_seconds": told["age_seconds"]}
    evidence = {segment["segment"]: segment["evidence"] for segment in told["segments"]}
    assert evidence["121-180"] == "clear"
    assert all(f"Peru by {name}" in everything for name, _ in SHIPPED_SEGMENTS)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("  121-180 ")]
    segment = next(segment for segment in of_recency if segment["segment"] == "121-180")
    told_amount, told_share, bar, support, *_ = line.split()[1:]
    assert (told_amount, told_share) == (amount(segment["voucher_amount"]), f"{segment['share']:.1%}")
    assert (len(bar), bar.count("█")) == (24, round(24 * segment["share"]))
    assert support == f"{segment['support']:,}"


def test_thin_evidence_and_near_ties_are_marked(few: Product):
    done = few.quickstart("report", "--country", "Peru", "--segment-name", "recency_segment")

    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "near tie" in lines["30-60"]
    assert "thin" in lines["61-90"]
    assert "no evidence" in lines["121-180"]
    assert "thin: support below 30" in done.stdout


def test_a_lookup_is_answered_with_a_sentence(product: Product, ran: dict[str, Any]):
    done = product.quickstart(*LOOKUP, "--orders", "15", "--customer-id", "123")

    told = product.lookup(**SEED_REQUEST).json()
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"Customer 123 gets a voucher of {amount(told['voucher_amount'])}: the amount used most in segment 121-180 of"
        f" recency_segment in Peru, {told['share']:.1%} of {told['support']:,}.\n"
    )
    with_the_rest = ("--orders", "15", "--customer-id", "123", "--first-order", "2017-05-03")
    assert asked(product, *LOOKUP, *with_the_rest) == told


def test_a_lookup_without_an_answer_names_the_fields(product: Product, ran: dict[str, Any]):
    done = product.quickstart(*LOOKUP, "--orders", "4.5")
    problem = asked(product, *LOOKUP, "--orders", "4.5", exit_code=1)

    assert (done.returncode, done.stdout) == (1, "")
    assert "no voucher (422 invalid_request)" in done.stderr
    assert "total_orders: expected a whole number" in done.stderr
    body = {"country_code": "Peru", "segment_name": "recency_segment", "last_order_ts": "2018-05-03"}
    assert problem == product.lookup(**body, total_orders="4.5").json()


def test_runs_are_listed_the_last_one_first(product: Product, ran: dict[str, Any], tmp_path: Path):
    (tmp_path / "bad.parquet").write_bytes(b"no parquet at all")
    failure = asked(product, "run", "--source", str(tmp_path / "bad.parquet"), exit_code=1)["error"]

    done = product.quickstart("runs", "-n", "2")
    listed = asked(product, "runs", "-n", "2")["runs"]

    assert (failure["state"], failure["error"]) == ("Ingest", "NotParquet")
    assert f"the run failed in Ingest with NotParquet: {failure['cause']}" in failure["message"]
    assert len(listed) == 2
    assert listed == product.request("GET", "executions").json()["runs"][:2]
    assert [listed[0][name] for name in ("run_id", "status", "error", "version")] == [
        failure["run_id"],
        "FAILED",
        "NotParquet",
        None,
    ]
    assert failure["run_id"] in done.stdout
    assert "NotParquet" in done.stdout
    run = asked(product, "runs", failure["run_id"])
    assert {name: run[name] for name in listed[0]} == listed[0]


def test_one_run_is_shown_with_its_states_and_rows(product: Product, ran: dict[str, Any]):
    run = ran["run"]

    shown = product.quickstart("runs", run["run_id"]).stdout

    told = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert (told["Kind"], told["Status"], told["Shards"], told["Rows"]) == (
        "full: count a whole history",
        "succeeded",
        "1",
        "20,000",
    )
    seconds = {state["name"]: state["seconds"] for state in run["states"]}
    assert told["CleanShards"] == f"{seconds['CleanShards']:.1f} s"
    assert told["zero_orders_with_dates"] == f"{run['rows']['rejected']['zero_orders_with_dates']:,}"
    assert told["Model"] == run["version"]  # the last line of that name
    assert asked(product, "runs", run["run_id"]) == run
    assert "run 'run-0' does not exist" in asked(product, "runs", "run-0", exit_code=1)["error"]["message"]


def test_versions_name_the_served_one_and_the_one_before(product: Product, ran: dict[str, Any]):
    (before,) = (known["version"] for known in asked(product, "versions")["versions"] if known["is_served"])

    remodelled = asked(product, "remodel", "--cur-date", "2018-08-01")
    found = asked(product, "versions")
    shown = product.quickstart("versions").stdout
    asked(product, "remodel", "--cur-date", "2018-09-15")

    assert set(remodelled) == {"run", "changed_segments", "changes", "modelled"}
    assert remodelled["modelled"]["model"]["cur_date"] == "2018-08-01"
    newest, *_ = found["versions"]
    assert (newest["version"], newest["is_served"]) == (remodelled["run"]["version"], True)
    assert [known["version"] for known in found["versions"] if known["is_previous"]] == [before]
    assert (newest["cur_date"], newest["segments"]) == ("2018-08-01", len(SHIPPED_SEGMENTS))
    assert (newest["countries"], newest["expires_at"]) == (["Peru"], None)
    assert datetime.fromisoformat(newest["published_at"])
    assert [line.split()[:2] for line in shown.splitlines() if newest["version"] in line] == [
        ["served", newest["version"]]
    ]
    assert [line.split()[:2] for line in shown.splitlines() if before in line] == [["before", before]]


def test_an_assignment_answers_with_its_customers(product: Product, ran: dict[str, Any], tmp_path: Path):
    rows = [case(), case(country_code="Chile")]
    table = pa.Table.from_pylist([{"customer_id": number} | row for number, row in enumerate(rows)])
    (tmp_path / "customers.parquet").write_bytes(parquet_bytes(table))

    told = asked(product, "assign", "--customers", str(tmp_path / "customers.parquet"), "--format", "csv")

    assert set(told) == {"run", "output"}
    run = told["run"]
    assert run == product.request("GET", f"executions/{run['run_id']}").json()
    assert (run["mode"], run["customers"], run["summary"]["assigned"]) == ("assign", 2, 1)
    assert run["summary"]["problems"] == {"unknown_country": 1}
    s3, bucket = product.client("s3"), product.status_once["bucket"]
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=run["summary"]["manifest_key"])["Body"].read())
    (file,) = manifest["files"]
    assert f"s3://{bucket}/{file['key']}" == f"{told['output']}shard-00000.csv"
    lines = s3.get_object(Bucket=bucket, Key=file["key"])["Body"].read().decode().split("\r\n")
    assert [line.split(",")[0] for line in lines] == ['"customer_id"', "0", "1", ""]


def test_the_exported_model_answers_as_the_api(product: Product, ran: dict[str, Any], tmp_path: Path):
    done = product.quickstart("export", "--output", str(tmp_path / "model.json"))
    table = product.quickstart("export", "--format", "csv").stdout

    assert (done.returncode, done.stdout) == (0, "")
    look_up = python_reader(json.loads((tmp_path / "model.json").read_text(encoding="utf-8")))
    assert look_up(SEED_REQUEST) == product.lookup(**SEED_REQUEST).json()
    assert len(table.splitlines()) == 1 + len(SHIPPED_SEGMENTS)
    query = product.quickstart("export", "--format", "sql", "--dialect", "duckdb").stdout
    answer = row_of(query, **SEED_REQUEST)
    assert answer == {name: found for name, found in look_up(SEED_REQUEST).items() if name != "model"}


def test_status_and_logs_answer_programs(product: Product, ran: dict[str, Any]):
    status = asked(product, "status")
    logged = asked(product, "logs", "model", "-n", "3")

    assert (status["running"], status["api_url"], status["settings"]) == (True, ran["api_url"], {})
    assert logged["of"] == "model"
    assert len(logged["lines"]) == 3


MISTAKES = {
    "a date": (("run", "--cur-date", "yesterday"), 1, "not yesterday"),
    "a setting": (("run", "--set", "auth=open"), 1, "--set auth: expected one of none, api_key, iam, got 'open'"),
    "a log": (("logs", "nothing"), 1, "got 'nothing'"),
    "a country": (("report", "--country", "Chile"), 1, "--country: the model has Peru, not Chile"),
    "an option": (("status", "--nope"), 2, "No such option: --nope"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_json_too(product: Product, ran: dict[str, Any], mistake: str):
    arguments, exit_code, message = MISTAKES[mistake]

    told = asked(product, *arguments, exit_code=exit_code)

    assert set(told) == {"error"}
    assert message in told["error"]["message"]


def test_what_is_not_up_answers_programs_too(tmp_path: Path):
    nothing = Product(tmp_path, free_port())

    assert asked(nothing, "status", exit_code=1) == {"running": False}
    assert asked(nothing, "stop") == {"stopped": False}
    for command in (("report",), ("runs",), ("versions",), ("lookup",), ("rollback",), ("remodel",)):
        assert asked(nothing, *command, exit_code=1) == {"error": {"message": "it is not running: ./quickstart run -d"}}


COMPLETED = {
    "./quickstart re": ["remodel", "report", "release"],
    "./quickstart logs ": ["ingest", "clean", "assign", "model", "what_if", "api", "inbox", "emulator"],
    "./quickstart bench c": ["cost", "cold_imports", "counts"],
    "./quickstart run --s": ["--source", "--set"],
}


def completing(*command: str | Path, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run(command, env=environment, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)


def test_bash_completes_what_is_typed():
    program = """
        eval "$(./quickstart --show-completion bash)"
        complete -p quickstart >/dev/null || exit 1
        while IFS= read -r typed; do
            IFS=' ' read -ra COMP_WORDS <<<"$typed"
            [[ $typed != *' ' ]] || COMP_WORDS+=('')
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            _quickstart_completion "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}"
            echo "${COMPREPLY[*]}"
        done
    """

    done = completing("bash", "--norc", "-c", program, typed="".join(f"{typed}\n" for typed in COMPLETED))

    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == list(COMPLETED.values())


def test_fish_and_zsh_are_told_the_same_with_what_each_command_does():
    typed = {"_TYPER_COMPLETE_ARGS": "./quickstart rep"}

    fish = completing(
        "./quickstart", _QUICKSTART_COMPLETE="complete_fish", _TYPER_COMPLETE_FISH_ACTION="get-args", **typed
    )
    zsh = completing("./quickstart", _QUICKSTART_COMPLETE="complete_zsh", **typed)

    assert fish.stdout.startswith("report\tShow the served model")
    assert zsh.stdout.startswith("""_arguments '*: :(("report":"Show the served model""")


def test_there_are_scripts_for_three_shells_and_no_other():
    for shell in ("bash", "zsh", "fish"):
        done = completing("./quickstart", "--show-completion", shell)
        assert (done.returncode, f"complete_{shell}" in done.stdout) == (0, True)
    refused = completing("./quickstart", "--show-completion", "tcsh")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_deployment_with_an_api_key_is_asked_with_it(keyed_product: Product):
    source = str(keyed_product.state / "history.parquet")

    told = asked(keyed_product, "run", "--source", source, *KEYED_SETTINGS)

    status = asked(keyed_product, "status")
    key = status["api_key"]
    assert (told["api_key"], told["run"]["shards"]) == (key, 3)
    assert status["settings"] == {"auth": "api_key", "shard_target_rows": "1"}
    assert keyed_product.lookup(**SEED_REQUEST).status_code == 403
    answered = keyed_product.request("POST", "voucher", json=SEED_REQUEST, headers={"x-api-key": key})
    assert answered.json()["voucher_amount"] == 2640
    assert asked(keyed_product, *LOOKUP)["voucher_amount"] == 2640
    assert f"API key   {key}" in keyed_product.run("--source", source).stdout


def test_settings_that_are_deployed_stay_until_they_are_reset(keyed_product: Product):
    source = str(keyed_product.state / "history.parquet")
    rows = keyed_product.quickstart("run", "--json", "--source", source, "--set", "batch_rows=1000")

    assert rows.returncode == 0, rows.stderr
    assert "Starting from the settings that are deployed." in rows.stderr
    told = [line.split() for line in rows.stderr.splitlines()]
    assert ["auth", "api_key", "api_key", "stays"] in told
    assert ["batch_rows", "131072", "(default)", "1000", "changes"] in told
    settings = {"auth": "api_key", "shard_target_rows": "1"}
    assert asked(keyed_product, "status")["settings"] == {**settings, "batch_rows": "1000"}

    asked(keyed_product, "run", "--source", source, "--reset", "batch_rows")

    assert asked(keyed_product, "status")["settings"] == settings
