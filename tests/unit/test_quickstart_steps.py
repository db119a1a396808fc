"""The lines of steps: on a terminal while they go on, several at once; without one, when they begin and end."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from local.quickstart.machine import going as display
from local.quickstart.machine import steps
from local.quickstart.machine.cdk import resources_done
from local.quickstart.machine.going import Counted, Going, HowFar
from local.quickstart.machine.steps import step, waiting


@pytest.fixture
def console(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """The console of the steps: a terminal of so many columns, or with 0 none."""
    width = request.param
    terminal = Console(file=io.StringIO(), force_terminal=bool(width), width=width or 160, highlight=False)
    monkeypatch.setattr(steps, "notices", terminal)
    monkeypatch.setattr(display, "going", Going(terminal))
    return terminal


def said(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def drawn(going: Going, width: int) -> list[str]:
    """Return the lines that are drawn now, without colours."""
    plain = Console(file=io.StringIO(), width=width)
    plain.print(going._drawn())
    return [line.rstrip() for line in said(plain).splitlines()]


ALL = pytest.mark.parametrize("console", [0, 100], indirect=True)
TERMINAL = pytest.mark.parametrize("console", [100], indirect=True)
NO_TERMINAL = pytest.mark.parametrize("console", [0], indirect=True)


@NO_TERMINAL
def test_without_a_terminal_a_step_is_told_when_it_begins_and_when_it_ends(console: Console):
    with step("Uploading [b]x", Counted("bytes", 100)):
        assert said(console) == "Uploading [b]x …\n"

    assert said(console) == "Uploading [b]x …\n✓ Uploading [b]x 0.0 s\n"


@TERMINAL
def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(console._environ, "TERM", "dumb")

    with step("Uploading"):
        assert said(console) == "Uploading …\n"


@ALL
def test_a_step_that_fails_is_told_as_failed(console: Console):
    with pytest.raises(OSError, match="gone"), step("Uploading"):
        raise OSError("gone")

    assert "Uploading failed after 0.0 s" in said(console)


@TERMINAL
def test_steps_of_several_threads_have_a_line_each_with_how_far_they_are(console: Console):
    both, over = threading.Barrier(3), threading.Barrier(3)
    sent = Counted("bytes")

    def work(title: str, *how_far: Counted) -> None:
        with step(title, *how_far):
            both.wait()
            over.wait()

    threads = [threading.Thread(target=work, args=arguments) for arguments in [("Installing",), ("Uploading", sent)]]
    for thread in threads:
        thread.start()
    both.wait()
    before = sorted(drawn(display.going, 100))
    sent.expect(4_000_000)
    sent.add(1_000_000)
    sent.add(500_000)
    after = sorted(drawn(display.going, 100))
    over.wait()
    for thread in threads:
        thread.join()

    assert [line.split()[1:] for line in before] == [["Installing", "…", "0", "s"], ["Uploading", "…", "0", "s"]]
    assert "━" * 7 in after[1]
    assert "1.5 MB/4.0 MB" in after[1]
    assert drawn(display.going, 100) == []
    assert "✓ Installing" in said(console).replace("\x1b[32m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize("console", [40], indirect=True)
def test_on_a_narrow_terminal_a_line_stays_one_line(console: Console):
    with step("Building the functions and synthesizing the stack", Counted("files", 12)):
        (line,) = drawn(display.going, 40)

    assert len(line) <= 40
    assert line.endswith("0/12 files 0 s")


@TERMINAL
def test_what_is_waited_for_is_shown_only_after_a_moment(console: Console, monkeypatch: pytest.MonkeyPatch):
    with waiting("Waiting for the API"):
        pass
    assert said(console) == ""

    monkeypatch.setattr(steps, "_MOMENT_SECONDS", 0)
    with waiting("Waiting for the API"):
        while not (lines := drawn(display.going, 100)):
            time.sleep(0.001)
    assert "Waiting for the API …" in lines[0]
    assert drawn(display.going, 100) == []
    assert "✓" not in said(console)


def test_a_deployment_has_done_as_many_resources_as_its_last_event_says(tmp_path: Path):
    log = tmp_path / "deploy.log"
    assert resources_done(log) is None
    log.write_text("$ cdk deploy --app x\nVoucherSelection-local | 44/44 | 5:08:41 PM | CREATE_COMPLETE | x\n")
    with log.open("a") as opened:
        opened.write("$ cdk deploy --app x\nVoucherSelection-local: start: Publishing a | 1/2 | b\n")
        opened.flush()
        assert resources_done(log) is None
        opened.write(
            "VoucherSelection-local |  0/44 | 5:08:40 PM | CREATE_IN_PROGRESS | AWS::CloudFormation::Stack | x\n"
        )
        opened.write("VoucherSelection-local | 12/44 | 5:08:41 PM | CREATE_COMPLETE    | AWS::IAM::Role | x\n")

    assert resources_done(log) == HowFar(12, 44, "resources")
