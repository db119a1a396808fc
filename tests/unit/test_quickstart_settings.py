"""Settings of the local stage from the command line."""

from pathlib import Path

import pytest

from local.quickstart.commands.run import start_of
from local.quickstart.here.deployment import fingerprint
from local.quickstart.machine import emulator
from local.quickstart.machine.record import Deployment, EmulatorProcess, Record
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Workspace
from local.quickstart.settings.asked import asked_of, settings_of, stage_with


def test_settings_are_names_with_values():
    assert settings_of(["auth=api_key", "shard_target_rows=3000"]) == {"auth": "api_key", "shard_target_rows": "3000"}
    assert settings_of(["refresh_schedule="]) == {"refresh_schedule": ""}
    assert settings_of(["refresh_schedule=cron(30 0 * * ? *)"]) == {"refresh_schedule": "cron(30 0 * * ? *)"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("auth", "takes NAME=VALUE .* not auth$"),
        ("Auth=api_key", "takes NAME=VALUE .* not Auth=api_key$"),
        ("auth=open", "^--set auth: expected one of none, api_key, iam, got 'open'$"),
        (
            "authentication=none",
            "^--set authentication: no such setting; the settings are stage, suffix, alarm_email, api_log_role, api",
        ),
        ("batch_rows=0", "^--set batch_rows: expected 1 to 2147483648, got 0$"),
        ("stage=prod", "^--set stage: the quickstart sets it itself"),
        ("endpoint=https://elsewhere", "^--set endpoint: the quickstart sets it itself"),
        ("segments_file=/nowhere/at/all.json", "^--set segments_file: /nowhere/at/all.json cannot be used"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_the_words_of_the_cdk_app(given: str, message: str):
    with pytest.raises(StepError, match=message):
        settings_of([given])


def test_a_file_is_found_from_the_folder_that_the_command_is_given_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "own.json").write_text('{"segmentations": []}')
    monkeypatch.chdir(tmp_path)

    assert settings_of(["segments_file=own.json"]) == {"segments_file": str(tmp_path / "own.json")}


def test_other_settings_and_another_file_behind_them_are_another_deployment(tmp_path: Path):
    workspace = Workspace(tmp_path, 4566)
    file = tmp_path / "own.json"
    file.write_text("[1]")
    named = {"segments_file": str(file)}
    made = [{}, {"auth": "none"}, {"auth": "api_key"}, named]
    before = [fingerprint(workspace, stage_with(settings, "local")) for settings in made]

    file.write_text("[2]")

    assert len(set(before)) == 4
    assert fingerprint(workspace, stage_with({"auth": "api_key"}, "local")) == before[2]
    assert fingerprint(workspace, stage_with(named, "local")) not in before


def test_the_same_file_elsewhere_is_the_same_deployment(tmp_path: Path):
    workspace = Workspace(tmp_path, 4566)
    files = [tmp_path / "own.json", tmp_path / "kept.json"]
    for file in files:
        file.write_text("[1]")

    first, second = (fingerprint(workspace, stage_with({"segments_file": str(file)}, "local")) for file in files)

    assert first == second


def deployed_to(workspace: Workspace, settings: dict[str, str] | None) -> None:
    names = ("fingerprint", "api_url", "state_machine_arn", "bucket", "table")
    deployment = Deployment(**dict.fromkeys(names, "x"), deployed_settings=settings)
    Record(deployment=deployment).write(workspace.state)


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose emulator is up."""
    monkeypatch.setattr(emulator, "running", lambda _: EmulatorProcess(pid=1, port=4566))
    return Workspace(tmp_path, 4566)


def test_a_run_starts_from_what_is_deployed_and_says_so(up: Workspace, capsys: pytest.CaptureFixture[str]):
    deployed_to(up, {"auth": "api_key"})

    start = start_of(up, asked_of(["kept_versions=3"], [], reset_all=False))

    assert start.settings == {"auth": "api_key", "kept_versions": "3"}
    assert "Starting from the settings that are deployed." in capsys.readouterr().err


def test_a_run_after_one_without_settings_says_nothing_of_them(up: Workspace, capsys: pytest.CaptureFixture[str]):
    deployed_to(up, {})

    assert start_of(up, asked_of([], [], reset_all=False)).settings == {}
    assert capsys.readouterr().err == ""


def test_a_run_after_one_of_an_earlier_version_says_that_its_settings_are_unknown(
    up: Workspace, capsys: pytest.CaptureFixture[str]
):
    deployed_to(up, None)

    assert start_of(up, asked_of([], [], reset_all=False)).settings == {}
    assert "those deployed are unknown" in capsys.readouterr().err


def test_the_settings_of_an_emulator_that_has_died_are_told_and_not_deployed(
    up: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    deployed_to(up, {"auth": "api_key"})
    monkeypatch.setattr(emulator, "running", lambda _: None)

    assert start_of(up, asked_of([], [], reset_all=False)).settings == {}
    told = capsys.readouterr().err
    again = "./quickstart run --set auth=api_key"
    assert f"The deployment's settings ended with it. To deploy with the same settings: {again}" in told
