"""Whole Models at once - two appends and a remodel with other segments - in orders that Hypothesis draws.

Every call of DynamoDB and of S3 is a step. A Model may die before any step, and is begun anew, as Step Functions does.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.concurrency.clients import SteppedCatalog, SteppedLake
from tests.concurrency.orders import State, ended, run_alone
from tests.concurrency.steps import Ended, Program
from tests.concurrency.stores import Stored, Update
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.domain.counts import FREQUENCY_SCHEMA, RECENCY_SCHEMA, Counts
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import RemodelRequest
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.runs import RunPlan, SourceFile, Totals
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.served_model import SegmentMode
from voucher_selection.pipeline.merging import Merged
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CUR_DATE = date(2018, 9, 15)
# How many assignments each run counts: every sum of them is another one.
ROWS = {"first": 1, "a": 10, "b": 100}


def definitions(*segments: tuple[str, int, int | None]) -> SegmentDefinitions:
    ranges = [dict(zip(("name", "lower", "upper"), segment, strict=True)) for segment in segments]
    by_orders = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    return SegmentDefinitions.model_validate({"segmentations": [by_orders]})


SERVED_AT_FIRST = definitions(("few", 0, 3), ("many", 4, None))
OTHERS = definitions(("all", 0, None))


class Standing(datetime):
    """A clock that stands: what a program does must follow from what it is answered."""

    @classmethod
    def now(cls, tz=None):  # noqa: ARG003 - the datetime's own signature
        return STARTED + 60 * SECOND


@pytest.fixture(scope="module", autouse=True)
def alone_with_what_is_stored() -> Iterator[None]:
    """Neither the clock nor chance nor threads have a say; what shards have counted is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("voucher_selection.pipeline.publishing.merge_shards", lambda _, plan: merged(ROWS[plan.run_id]))
        for module in ("publishing", "remodelling"):
            patch.setattr(f"voucher_selection.pipeline.{module}.datetime", Standing)
            patch.setattr(f"voucher_selection.pipeline.{module}.pause", lambda: None)
            patch.setattr(f"voucher_selection.pipeline.{module}.segment_modes", known_modes)
        yield


def known_modes(counts: Counts, definitions: SegmentDefinitions, cur_date: date, countries: tuple[str, ...]):
    """Return the modes of counts; of the same counts they are computed once, for programs are run over and over."""
    asked = json.dumps([counts.frequency.to_pylist(), definitions.model_dump(), cur_date.isoformat(), countries])
    if asked not in _MODES:
        _MODES[asked] = segment_modes(counts, definitions, cur_date, countries)
    return _MODES[asked]


_MODES: dict[str, tuple[SegmentMode, ...]] = {}


@cache
def merged(rows: int) -> Merged:
    frequency = pa.table([["Peru"], [3], [2640.0], [rows]], schema=FREQUENCY_SCHEMA)
    return Merged(Totals(rows_read=rows, kept=rows), Counts(frequency, RECENCY_SCHEMA.empty_table()))


def plan(run_id: str, mode: str, seconds: int) -> RunPlan:
    file = SourceFile(
        key=f"raw/{run_id}", source=f"s3://lake/{run_id}", identity=f"{run_id}#1", size=1, rows=ROWS[run_id]
    )
    return RunPlan(
        run_id=run_id,
        mode=mode,
        started_at=STARTED + seconds * SECOND,
        source=file.source,
        reading=Reading(("Peru",)),
        cur_date=CUR_DATE,
        definitions=SERVED_AT_FIRST,
        files=(file,),
        shards=1,
    )


def model_of(run_id: str) -> Program:
    return Program(
        run_id, lambda ask: publish_run(run_id, SteppedLake(ask), SteppedCatalog(ask), Retention(versions=2, days=30))
    )


REMODEL = Program(
    "remodel",
    lambda ask: remodel(
        "remodel",
        STARTED + 2 * SECOND,
        RemodelRequest(mode="remodel", segments=OTHERS),
        SteppedLake(ask),
        SteppedCatalog(ask),
        ModelSettings(bucket="lake", table="catalog", cur_date=CUR_DATE, kept_versions=2),
    ),
)
WRITERS = (model_of("a"), REMODEL, model_of("b"))


@pytest.fixture(scope="module")
def stored(alone_with_what_is_stored: None) -> Stored:
    """What is stored when the first run is served, and the others are planned."""
    plans = [plan("first", "full", 0), plan("a", "append", 1), plan("b", "append", 3)]
    stored = Stored({RunKeys(planned.run_id).plan: planned.model_dump_json().encode() for planned in plans})
    stored, how = run_alone(stored, model_of("first"))
    assert how.result.published
    return stored


# Whose turn it is, of those that are under way, and now and then that one dies: it has no turn, and begins anew.
turns = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([False] * 30 + [True])), min_size=60, max_size=250)


# Without shrinking, which takes minutes: the smaller scenarios are gone through in all orders anyway.
@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(turns)
def test_every_addition_counts_once_and_what_is_served_is_whole(stored: Stored, turns: list[tuple[int, bool]]):
    state = State(stored, tuple(program.first() for program in WRITERS))
    for turn, dies in turns:
        if not state.under_way:
            break
        place = state.under_way[turn % len(state.under_way)]
        state, before = began_anew(state, place) if dies else state.step(place), state
        # Only an update moves the pointer.
        if isinstance(before.points[place].next, Update):
            assert served_rows(state.stored) in {1, 11, 101, 111}
    while state.under_way:
        state = state.step(state.under_way[0])

    errors = [point.next.error for point in state.points if isinstance(point.next, Ended)]
    assert errors == [None, None, None]
    assert served_rows(state.stored) == 111
    assert sorted(counted_objects(state.stored)) == ["a#1", "b#1", "first#1"]
    assert {ended(point).result.outcome for point in (state.points[0], state.points[2])} == {"published"}


def began_anew(state: State, place: int) -> State:
    points = list(state.points)
    points[place] = WRITERS[place].first()
    return State(state.stored, tuple(points))


@cache
def served_rows(stored: Stored) -> int:
    """Return how many assignments are behind the segments that are served, all of which must be there."""

    def read(ask):
        catalog = SteppedCatalog(ask)
        return catalog.read(catalog.served_version())

    model = run_alone(stored, Program("reader", read))[1].result
    return sum(mode.support for mode in model.modes)


def counted_objects(stored: Stored) -> list[str]:
    """Return the objects in the ledger behind the served model."""

    def read(ask):
        run_id = SteppedCatalog(ask).base().counted.run_id
        return SteppedLake(ask).read_json(RunKeys(run_id).ledger, Ledger)

    return [entry.identity for entry in run_alone(stored, Program("ledger", read))[1].result.entries]
