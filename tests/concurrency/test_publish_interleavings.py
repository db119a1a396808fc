"""Publishing, rollback and expiry, in every order of their steps.

A step is one call of DynamoDB; every item of a batch, and every item that a query finds, is a step of its own. Each
scenario is gone through in all orders. In every state, writers that have not ended may as well have died.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import pytest

from tests.concurrency.clients import SteppedCatalog
from tests.concurrency.orders import Step, all_ends_beside, all_steps, ended, run_alone
from tests.concurrency.steps import Ask, Ended, Program
from tests.concurrency.stores import Stored
from tests.concurrency.writers import (
    ONE_SEGMENT,
    V1,
    V2,
    V3,
    V4,
    V5,
    V8,
    V9,
    addition,
    died_before_it_was_served,
    full_run,
    is_whole,
    model,
    reader,
    rollback,
    stored_after,
    summary_of,
)
from tests.conftest import INTERLEAVINGS
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.domain.errors import NoModel, NoVersion


@dataclass(frozen=True)
class Scenario:
    """What is stored at first, and who writes at once."""

    stored: Callable[[], Stored]
    writers: tuple[Program, Program]


def nothing() -> Stored:
    return Stored({})


def two_versions() -> Stored:
    return stored_after([full_run(V1), full_run(V2)])


def three_versions() -> Stored:
    return stored_after(full_run(version, kept=3) for version in (V1, V2, V3))


def two_that_died() -> Stored:
    return died_before_it_was_served(died_before_it_was_served(stored_after([full_run(V1)]), V8), V9)


SCENARIOS = {
    "the first two runs": Scenario(nothing, (full_run(V1), full_run(V2))),
    "two runs": Scenario(two_versions, (full_run(V3), full_run(V4))),
    "two runs that write backwards": Scenario(
        two_versions, (full_run(V3, last_first=True), full_run(V4, last_first=True))
    ),
    "the same run twice": Scenario(two_versions, (full_run(V3), full_run(V3))),
    "a run and an addition": Scenario(two_versions, (full_run(V3), addition(V4))),
    "an addition and a run": Scenario(two_versions, (addition(V3), full_run(V4))),
    "a run with other segments and an addition": Scenario(two_versions, (full_run(V3, ONE_SEGMENT), addition(V4))),
    "two additions": Scenario(two_versions, (addition(V3), addition(V4))),
    "a run and a rollback to the version before": Scenario(two_versions, (full_run(V3), rollback(V1))),
    "a run and a rollback to what it lets expire": Scenario(three_versions, (full_run(V4), rollback(V1))),
    "an addition and a rollback to what it lets expire": Scenario(three_versions, (addition(V4), rollback(V1))),
    "two rollbacks": Scenario(three_versions, (rollback(V1), rollback(V2))),
    "two runs older than two that died": Scenario(two_that_died, (full_run(V4), full_run(V5))),
}


@pytest.fixture(params=SCENARIOS, scope="module")
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return SCENARIOS[request.param]


@pytest.fixture(scope="module")
def steps(scenario: Scenario) -> list[Step]:
    """Every step of every order of the scenario's writers."""
    return list(all_steps(scenario.stored(), scenario.writers))


def test_at_every_moment_the_served_version_is_whole(scenario: Scenario, steps: list[Step], record_property):
    record_property(INTERLEAVINGS, {"steps": len(steps), "states": len({step.after for step in steps})})
    for stored in {step.after.stored for step in steps}:
        pointer = pointer_in(stored)
        if pointer:
            assert read_in(stored).result.version == pointer.version
            assert is_whole(read_in(stored).result)
        else:
            assert not scenario.stored().contents


def test_a_reader_gets_one_whole_model_whatever_is_written_meanwhile(scenario: Scenario, steps: list[Step]):
    ends = all_ends_beside(steps, reader())
    models = [end.result for end in ends if end.error is None]

    assert len({found.version for found in models}) > 1
    assert [found for found in models if not is_whole(found)] == []
    # Before the first version there is none to read.
    assert {type(end.error) for end in ends if end.error} == (set() if scenario.stored().contents else {NoModel})


def test_the_pointer_moves_on_to_newer_versions_and_back_only_by_a_rollback(steps: list[Step]):
    moves = {(step.program.name, pointer_in(step.before.stored), pointer_in(step.after.stored)) for step in steps}
    moves = {(writer, before, after) for writer, before, after in moves if before != after}

    assert moves
    for writer, before, after in moves:
        assert after == expected_move(writer, before)


def test_what_builds_on_a_version_rolled_back_to_is_not_served_if_it_is_older_than_the_newest():
    stored = stored_after([full_run(V1), full_run(V3), rollback(V1)])

    def build_on_served(ask: Ask) -> Pointer | None:
        catalog = SteppedCatalog(ask)
        return catalog.replace(catalog.base(), model(V2), summary_of(V2))

    stored, how = run_alone(stored, Program(V2, build_on_served))

    assert how.result is not None
    assert pointer_in(stored) == Pointer(V1, V3, V3)


def expected_move(writer: str, before: Pointer | None) -> Pointer:
    if writer.startswith("back to "):
        return Pointer(version_of(writer), before.version, before.newest_version)
    version = version_of(writer)
    if before is None:
        return Pointer(version, None, version)
    assert version > before.newest_version, f"{version} replaced what is newer"
    return Pointer(version, before.version, version)


def test_no_version_is_newer_than_the_newest_served_whose_run_is_told_so(steps: list[Step]):
    for state in {step.after for step in steps if not step.after.under_way}:
        newest = pointer_in(state.stored).newest_version
        told = {point.program.name: ended(point).result for point in state.points}
        runs = {name: published for name, published in told.items() if not name.startswith("back to ")}

        assert max(map(version_of, runs), default=newest) <= newest
        assert all(published for writer, published in runs.items() if version_of(writer) == newest)


def test_when_all_have_ended_nothing_in_use_expires(steps: list[Step]):
    for stored in {step.after.stored for step in steps if not step.after.under_way}:
        assert expiring_in_use(stored) == set()


def test_whoever_died_is_repeated_and_completes(steps: list[Step]):
    programs = [point.program for point in steps[0].after.points]
    for stored, dead in {(step.after.stored, tuple(step.after.under_way)) for step in steps}:
        for order in permutations(programs[place] for place in dead):
            repeated = stored
            for program in order:
                repeated = repeat(repeated, program)

            assert is_whole(read_in(repeated).result)
            assert all(version_of(program.name) <= pointer_in(repeated).newest_version for program in order)
            assert expiring_in_use(repeated) == set()


@cache
def repeat(stored: Stored, program: Program) -> Stored:
    """Return what is stored after the program; a rollback is refused when its version expires."""
    stored, how = run_alone(stored, program)
    assert how.error is None or isinstance(how.error, NoVersion)
    return stored


def version_of(writer: str) -> str:
    return writer.removeprefix("back to ").removesuffix(" added")


@cache
def pointer_in(stored: Stored) -> Pointer | None:
    return run_alone(stored, Program("pointer", lambda ask: SteppedCatalog(ask).pointer()))[1].result


@cache
def read_in(stored: Stored) -> Ended:
    return run_alone(stored, reader())[1]


@cache
def expiring_in_use(stored: Stored) -> set[str]:
    """Return which of the served version and the one before have an item that expires."""
    pointer = pointer_in(stored)
    in_use = {f"VERSION#{version}" for version in (pointer.version, pointer.previous_version) if version}
    marked = [place for place, item in stored.contents.items() if "expires_at" in json.loads(item)]
    return {name for name in in_use for place in marked if name in place}
