"""How the product goes up and down: what dies, what is stopped, and what Ctrl-C ends.

Last by its name of the tests that share a deployment, for most of these take it down.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psutil

from local.quickstart.here.sample import sample_history
from local.quickstart.proof.reference import answer
from tests.conftest import INJECTED_FAULTS
from tests.e2e.test_faults import PATIENCE, SHARD_ROWS, amid_a_shard, awaited, emulator_of
from tests.e2e.test_modes import served_amounts
from tests.histories import parquet_bytes
from tests.lookup_requests import SEED_REQUEST
from tests.product import ROOT, Product


def of_product(product: Product) -> list[psutil.Process]:
    """Return the processes that name the product's folder in their arguments or their environment."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if str(product.state) in " ".join([*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()])
    ]


# Of a machine with much in its environment that is for other programs, and that would mislead ours.
DEAD = "http://127.0.0.1:9"
OF_OTHERS = {
    **{name: DEAD for proxy in ("http_proxy", "https_proxy", "all_proxy") for name in (proxy, proxy.upper())},
    "NO_PROXY": "",
    "no_proxy": "",
    "AWS_PROFILE": "nowhere",
    "AWS_CONFIG_FILE": str(ROOT / "README.md"),
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_ENDPOINT_URL": DEAD,
    "AWS_DEFAULTS_MODE": "nonsense",
    "AWS_SESSION_TOKEN": "of another account",
    "PYTHONHOME": "/nowhere",
    "PYTHONIOENCODING": "ascii",
    "TMPDIR": "/nowhere",
    "LC_ALL": "C",
    "TZ": "Pacific/Apia",
}


@contextmanager
def serving(product: Product, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run in the foreground until it serves, and until Ctrl-C at the end."""
    command, environment = [ROOT / "quickstart", "run", *arguments], product.environment | variables
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("Serving until Ctrl-C") for line in process.stdout)
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_ctrl_c_leaves_an_emulator_up_that_was_up_before(product: Product, sample: Path):
    with serving(product, "--source", str(sample)):
        pass

    assert product.lookup(**SEED_REQUEST).status_code == 200


def test_stop_leaves_no_process_behind(keyed_product: Product):
    assert len(of_product(keyed_product)) > 1

    assert keyed_product.quickstart("stop").returncode == 0

    assert of_product(keyed_product) == []
    assert keyed_product.status() == {"running": False}


def test_a_run_whose_emulator_dies_amid_a_shard_is_right_when_it_is_started_again(
    product: Product, tmp_path: Path, record_property
):
    """What has been deployed dies with the emulator; `./quickstart run` does all that is needed, and undoes it.

    It does so whatever the environment has for other programs.
    """
    table = sample_history(3 * SHARD_ROWS, seed=23)
    file = tmp_path / "history.parquet"
    file.write_bytes(parquet_bytes(table, row_group_size=SHARD_ROWS))
    command = [ROOT / "quickstart", "run", "-d", "--source", file]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    emulator = emulator_of(product)
    with subprocess.Popen(command, env=product.environment, cwd=tmp_path, text=True, **pipes) as run:
        awaited(lambda: amid_a_shard(emulator), "Clean amid a shard")
        emulator.kill()
        _, told = run.communicate(timeout=PATIENCE)

    assert run.returncode == 1
    assert "Traceback" not in told
    record_property(INJECTED_FAULTS, {"faults": {"emulator killed": 1}, "outcome": "StepError"})
    assert product.status() == {"running": False}
    product.forget()
    with serving(product, "--source", str(file), **OF_OTHERS):
        assert product.status()["last_run"]["status"] == "SUCCEEDED"
        assert served_amounts(product) == answer(table, "Peru", date(2018, 9, 15))[1]
    assert of_product(product) == []  # Ctrl-C stops what the command started


def test_ctrl_c_while_it_is_deployed_leaves_nothing_running(product: Product):
    product.forget()
    product.quickstart("stop")
    command = [ROOT / "quickstart", "run"]
    run = subprocess.Popen(command, env=product.environment, stderr=subprocess.PIPE, text=True, process_group=0)
    with run:
        assert run.stderr is not None
        assert any("Deploying" in line for line in run.stderr)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: all that is in the foreground
        told = run.stderr.read()

    assert run.returncode == 130, told
    assert "Traceback" not in told
    assert told.endswith("Interrupted\n")
    assert of_product(product) == []
    assert product.status() == {"running": False}
