"""The bars that the quickstart draws while a run goes on."""

from datetime import UTC, datetime

from rich.progress import Progress as Bars

from local.quickstart.shown.run_progress import draw_state
from voucher_selection.adapters.state_machine import Execution, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen_in(status: str, *states: tuple[str, float | None], shards: int = 0, shards_done: int = 0) -> Execution:
    """An execution that has entered these states, each with its seconds if it has left it."""
    entered = tuple(State(name, NOW, seconds) for name, seconds in states)
    return Execution("run-1", status, {}, NOW, None, entered, shards, shards_done)


def drawn(state: str, seen: Execution) -> tuple[float, float | None, bool]:
    """Return how far the bar of a state is, how far it goes, and whether it is over."""
    bars = Bars(disable=True)
    task = bars.add_task(state, total=1, start=False)
    draw_state(bars, task, state, seen)
    (told,) = bars.tasks
    return told.completed, told.total, told.stop_time is not None


def test_a_map_s_bar_has_a_part_for_each_shard():
    seen = seen_in("RUNNING", ("Ingest", 0.8), ("CleanShards", None), shards=20, shards_done=7)

    assert drawn("Ingest", seen) == (1, 1, True)
    assert drawn("CleanShards", seen) == (7, 20, False)
    assert drawn("Model", seen) == (0, 1, False)


def test_the_bar_of_the_map_that_merges_has_a_part_for_each_group():
    states = (State("CleanShards", NOW, 4.0), State("MergeShards", NOW, None))
    seen = Execution("run-1", "RUNNING", {}, NOW, None, states, shards=20, shards_done=20, groups=3, groups_done=1)

    assert drawn("CleanShards", seen) == (20, 20, True)
    assert drawn("MergeShards", seen) == (1, 3, False)


def test_a_map_that_has_ended_is_full_whatever_was_counted_last():
    seen = seen_in("RUNNING", ("Ingest", 0.8), ("CleanShards", 4.0), ("Model", None), shards=20, shards_done=0)

    assert drawn("CleanShards", seen) == (20, 20, True)


def test_before_the_shards_are_planned_a_map_has_one_part():
    assert drawn("CleanShards", seen_in("RUNNING", ("Ingest", None))) == (0, 1, False)


def test_the_bar_of_a_map_that_failed_stays_where_it_was():
    seen = seen_in("FAILED", ("Ingest", 0.8), ("CleanShards", None), shards=20, shards_done=3)

    assert drawn("CleanShards", seen) == (3, 20, False)
