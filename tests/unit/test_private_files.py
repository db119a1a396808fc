"""What holds keys is its owner's alone, whatever the umask is and whatever was there before."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.quickstart.machine.private_files import make_private, write_private
from local.quickstart.machine.record import Deployment, Record
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Key, Workspace


@pytest.fixture(params=[0, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_workspace_is_closed_to_others(umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VOUCHER_SELECTION_STATE", str(tmp_path / "new/state"))

    assert mode(Workspace.at(4566).state) == 0o700


@pytest.mark.parametrize("was", [0o777, 0o755, 0o750, 0o701])
def test_a_workspace_from_before_is_closed(was: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tmp_path.chmod(was)
    (tmp_path / "kept").touch()
    monkeypatch.setenv("VOUCHER_SELECTION_STATE", str(tmp_path))

    Workspace.at(4566)

    assert mode(tmp_path) == 0o700
    assert (tmp_path / "kept").exists()


def test_a_folder_that_all_users_write_to_is_refused_and_stays_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o1777)

    with pytest.raises(StepError, match=f"the folder {tmp_path} is shared with other users of this machine: name one"):
        make_private(tmp_path)

    assert mode(tmp_path) == 0o1777


def test_the_record_with_the_api_s_key_is_for_its_owner(umask: int, tmp_path: Path):
    deployment = Deployment(fingerprint="f", api_url="u", state_machine_arn="a", bucket="b", table="t", api_key="k")

    Record(deployment=deployment).write(tmp_path)

    assert mode(tmp_path / "record.json") == 0o600
    assert Record.read(tmp_path).deployment == deployment


def test_a_file_that_was_open_and_a_link_in_its_place_are_replaced(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    for name in ("key", "key.new"):
        (tmp_path / name).symlink_to(elsewhere)

    write_private(tmp_path / "key", "ours")

    assert ((tmp_path / "key").read_text(), elsewhere.read_text()) == ("ours", "theirs")
    assert mode(tmp_path / "key") == 0o600


def test_the_key_is_the_one_of_the_emulator_that_was_started_last(tmp_path: Path):
    workspace = Workspace(tmp_path, 4566)
    assert workspace.environment["AWS_ACCESS_KEY_ID"] == "none"

    workspace.emulator_state.mkdir()
    for started in ("1", "2"):
        written = f"[default]\naws_access_key_id = id{started}\naws_secret_access_key = a%{started}\n"
        (workspace.emulator_state / "credentials").write_text(written)

        assert workspace.key == Key(f"id{started}", f"a%{started}")
        assert workspace.environment["AWS_SECRET_ACCESS_KEY"] == f"a%{started}"
