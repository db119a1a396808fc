"""What a deployment starts from: the settings that are deployed, changed by what is asked for, and told as a list."""

import json
from pathlib import Path

import pytest

from local.quickstart.machine.steps import StepError
from local.quickstart.settings import asked as stage_settings
from local.quickstart.settings import starting as starting_settings
from local.quickstart.settings.asked import Asked, asked_of
from local.quickstart.settings.starting import NOT_DEPLOYED, Deployed, Row, Start, giving, starting_from
from local.quickstart.shown import settings as settings_report

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd"
PROD = {"countries": "Peru,Latvia", "alarm_email": "on-call@example.com", "max_concurrency": "5"}
SEGMENTS = '{"segmentations":[]}'


def deployed(**settings: str) -> Deployed:
    return Deployed(is_there=True, settings=settings)


def start(folder: Path, found: Deployed, *given: str, reset: tuple[str, ...] = (), reset_all: bool = False) -> Start:
    asked = asked_of(given, reset, reset_all=reset_all, stage="prod")
    return starting_from(found, asked, "prod", folder)


def test_what_is_not_given_stays_as_it_is_deployed_and_what_is_given_counts_first(tmp_path: Path):
    chosen = start(tmp_path, deployed(**PROD), "least_kept_rows=5000", "max_concurrency=8").stage

    assert (chosen.countries, chosen.alarm_email) == (("Peru", "Latvia"), "on-call@example.com")
    assert (chosen.least_kept_rows, chosen.max_concurrency) == (5000, 8)
    assert chosen.given == {"countries", "alarm_email", "max_concurrency", "least_kept_rows"}


def test_the_table_has_what_changes_and_what_is_not_a_default(tmp_path: Path):
    rows = start(tmp_path, deployed(**PROD), "least_kept_rows=5000", "max_concurrency=8", "auth=api_key").rows()

    assert rows == [
        Row("countries", "Peru,Latvia", "Peru,Latvia", "stays"),
        Row("auth", "api_key (default)", "api_key", "set"),
        Row("max_concurrency", "5", "8", "changes"),
        Row("least_kept_rows", "1 (default)", "5000", "changes"),
        Row("alarm_email", "on-call@example.com", "on-call@example.com", "stays"),
    ]


def test_a_reset_returns_one_setting_to_its_default_and_the_others_stay(tmp_path: Path):
    begun = start(tmp_path, deployed(**PROD), reset=("alarm_email",))

    assert begun.settings == {"countries": "Peru,Latvia", "max_concurrency": "5"}
    assert begun.stage.alarm_email == ""
    assert Row("alarm_email", "on-call@example.com", "empty (default)", "changes") in begun.rows()


def test_an_empty_value_is_a_value_and_no_reset(tmp_path: Path):
    begun = start(tmp_path, deployed(), "refresh_schedule=")

    assert begun.rows() == [Row("refresh_schedule", "cron(30 0 * * ? *) (default)", "empty", "changes")]
    assert not begun.stage.refreshes


def test_a_reset_of_all_leaves_only_what_is_given(tmp_path: Path):
    begun = start(tmp_path, deployed(**PROD), "countries=Chile", reset_all=True)

    assert begun.settings == {"countries": "Chile"}
    assert [row.becomes for row in begun.rows()] == ["changes"] * 3


@pytest.mark.parametrize(
    ("given", "reset", "message"),
    [
        (
            (),
            ("alarm_mail",),
            "^--reset alarm_mail: no such setting; the settings are alarm_email, api_log_role, api_memory_mb",
        ),
        (("auth=iam",), ("auth",), "^auth is given with --set and with --reset"),
        ((), ("endpoint",), "^--reset endpoint: no such setting"),
    ],
)
def test_a_reset_that_means_nothing_is_refused(given: tuple[str, ...], reset: tuple[str, ...], message: str):
    with pytest.raises(StepError, match=message):
        asked_of(given, reset, reset_all=False, stage="prod")


def test_a_setting_may_lack_what_is_deployed(tmp_path: Path):
    before = deployed(domain_name="old.example.com", certificate_arn=CERTIFICATE)

    assert start(tmp_path, before, "domain_name=new.example.com").stage.domain_name == "new.example.com"
    with pytest.raises(StepError, match="^--set domain_name: expected certificate_arn with it"):
        start(tmp_path, NOT_DEPLOYED, "domain_name=new.example.com")


@pytest.mark.parametrize(
    ("before", "given", "name"),
    [
        ({"quota_per_day": "10"}, ("auth=iam",), "quota_per_day"),  # each is right, and not both
        ({"max_concurrency": "0"}, (), "max_concurrency"),  # as a version with other limits may have taken it
    ],
)
def test_a_deployed_setting_that_cannot_stay_is_told_with_how_to_change_it(
    tmp_path: Path, before: dict[str, str], given: tuple[str, ...], name: str
):
    with pytest.raises(StepError, match=rf"^{name}: .* It is deployed like this: .*--set {name}=….*--reset {name}$"):
        start(tmp_path, deployed(**before), *given)


def test_a_deployed_setting_of_another_version_is_left_out_and_told(tmp_path: Path):
    begun = start(tmp_path, deployed(colour="blue", countries="Latvia"))

    assert begun.settings == {"countries": "Latvia"}
    assert begun.rows()[-1] == Row("colour", "blue", "-", "no setting of this version")


def test_a_files_content_stays_when_the_file_is_gone(tmp_path: Path):
    begun = start(tmp_path, deployed(segments_file=SEGMENTS), "max_concurrency=8")

    assert begun.stage.segments == SEGMENTS
    assert Path(begun.settings["segments_file"]).read_text() == SEGMENTS
    (row,) = [row for row in begun.rows() if row.name == "segments_file"]
    assert (row.will_be, row.becomes) == ("its deployed content", "stays")


def test_another_content_of_a_file_is_a_change(tmp_path: Path):
    file = tmp_path / "own.json"
    file.write_text('{"segmentations": [1]}')

    begun = start(tmp_path, deployed(segments_file=SEGMENTS), f"segments_file={file}")

    assert begun.stage.segments == '{"segmentations":[1]}'
    (row,) = begun.rows()
    assert row.becomes == "changes"
    assert row.deployed.startswith("20 bytes (")
    assert row.will_be.startswith("21 bytes (")


def test_what_cdk_json_sets_counts_before_what_is_deployed_and_after_what_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    context = {"countries": ["Chile"], "tracing": False, "rate_limit": 5, "@aws-cdk/core:x": True}
    (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))
    monkeypatch.setattr(stage_settings, "ROOT", tmp_path)

    begun = start(tmp_path, deployed(countries="Peru,Latvia", max_concurrency="5"), "rate_limit=7")

    assert begun.settings == {"countries": "Chile", "tracing": "false", "rate_limit": "7", "max_concurrency": "5"}
    with pytest.raises(StepError, match=r"^--reset tracing: cdk.json sets it to false; take it out there$"):
        asked_of([], ["tracing"], reset_all=False)


def told(begun: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "160")
    settings_report.show_start(begun)
    return " ".join(capsys.readouterr().err.split())


def test_it_says_that_it_starts_from_what_is_deployed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    said = told(start(tmp_path, deployed(**PROD), "max_concurrency=8"), capsys, monkeypatch)

    assert said.startswith("Starting from the settings that are deployed. Setting Deployed Will be")
    assert "countries Peru,Latvia Peru,Latvia stays" in said
    assert "max_concurrency 5 8 changes" in said


def test_of_a_version_that_kept_no_settings_it_says_so_and_lists_which_get_their_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    begun = start(tmp_path, Deployed(is_there=True, settings=None), "countries=Latvia")
    said = told(begun, capsys, monkeypatch)

    assert (
        "kept no settings, so those deployed are unknown. Settings that are not given get the defaults of prod" in said
    )
    assert "countries unknown Latvia set" in said
    assert "auth unknown api_key (default) default" in said
    assert {row.name for row in begun.rows()} == set(starting_settings.NAMES)


def test_it_says_when_it_starts_from_the_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    first = told(start(tmp_path, NOT_DEPLOYED), capsys, monkeypatch)
    reset = told(start(tmp_path, deployed(**PROD), reset_all=True), capsys, monkeypatch)

    assert first == "Nothing is deployed yet. Settings that are not given have the defaults of prod."
    assert reset.startswith("Starting from the defaults of prod, not from what is deployed (--reset-all).")


def test_settings_that_went_with_a_deployment_can_be_given_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    gone = {"refresh_schedule": "cron(30 0 * * ? *)", "segments_file": SEGMENTS}

    settings_report.show_gone(gone, "prod", tmp_path, "./quickstart deploy --stage prod")

    file = tmp_path / "prod-segments_file.json"
    assert file.read_text() == SEGMENTS
    assert f" --set 'refresh_schedule=cron(30 0 * * ? *)' --set segments_file={file}" in capsys.readouterr().err
    assert giving({}, "prod", tmp_path) == ""


def test_nothing_that_is_asked_for_is_what_is_deployed(tmp_path: Path):
    assert starting_from(deployed(**PROD), Asked(), "prod", tmp_path).settings == PROD
