"""One deployment for all tests that need one: they run against it one after the other."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from local.quickstart.here.sample import sample_history
from tests.environment import POWERTOOLS
from tests.histories import history, parquet_bytes, repeated
from tests.processes import ByDeployment
from tests.product import KEYED_SETTINGS, Product, free_port

# Modules, tests and stages live as long as the process; Python would look through them again and again.
gc.set_threshold(50_000, 20, 20)

# A test's property: the faults that it injected, how often each, and how what met with them ended.
INJECTED_FAULTS = "injected faults"
# Another: the steps of all orders of a scenario, and the states that they lead to.
INTERLEAVINGS = "interleavings"
# Other properties that are figures of what a test has tried.
FIGURES = ("malformed files", "load", "random sequences")


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later collection of garbage."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let Python end with all garbage in its hands again: DuckDB would list what it keeps as leaks."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the tests have tried at the end of pytest's summary, orders and faults summed up."""
    properties = [entry for report in terminalreporter.getreports("passed") for entry in report.user_properties]
    for name, figures in properties:
        if name in FIGURES:
            terminalreporter.write_line(f"{name}: {figures}")
    if orders := [Counter(figures) for name, figures in properties if name == INTERLEAVINGS]:
        all_of_them = sum(orders, Counter())
        terminalreporter.write_line(
            f"{INTERLEAVINGS}: {len(orders)} scenarios, {all_of_them['steps']:,} steps,"
            f" {all_of_them['states']:,} states"
        )
    found = [figures for name, figures in properties if name == INJECTED_FAULTS]
    if found:
        faults = sum((Counter(figures["faults"]) for figures in found), Counter())
        outcomes = Counter(figures["outcome"] for figures in found)
        terminalreporter.write_line(f"{INJECTED_FAULTS}: {_told(faults)}; runs: {_told(outcomes)}")


def _told(counts: Counter[str]) -> str:
    return f"{counts.total()} (" + ", ".join(f"{count} {name}" for name, count in counts.most_common()) + ")"


# Logger and metrics are made once a process, when they are first imported: with these names, whichever test is first.
with pytest.MonkeyPatch.context() as of_process:
    for name, value in POWERTOOLS.items():
        of_process.setenv(name, value)
    import voucher_selection.adapters.observability  # noqa: F401


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write docs/screenshots anew (tests/browser)")
    snapshots = "write the reviewed templates anew (tests/infrastructure/snapshots)"
    parser.addoption("--update-snapshots", action="store_true", help=snapshots)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Keep the tests of a deployment in one process (pytest -n 2 --dist loadscope)."""
    return ByDeployment(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated history, smaller than the quickstart's own, in row groups."""
    file = tmp_path_factory.mktemp("history") / "history.parquet.gzip"
    file.write_bytes(parquet_bytes(sample_history(20_000, seed=7), compression="gzip", row_group_size=3_000))
    return file


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("state"), free_port())
    try:
        product.run("--source", str(sample))
        yield product
    finally:
        product.quickstart("stop")


@pytest.fixture(scope="session")
def keyed_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A deployment whose API asks for a key, with a model of few rows; it has an emulator of its own."""
    folder = tmp_path_factory.mktemp("keyed")
    rows = history(*repeated(3, voucher_amount=2640.0))
    (folder / "history.parquet").write_bytes(parquet_bytes(rows, row_group_size=1))
    product = Product(folder, free_port())
    try:
        product.run("--source", str(folder / "history.parquet"), *KEYED_SETTINGS)
        yield product
    finally:
        product.quickstart("stop")
