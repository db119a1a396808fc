"""Whole Models at once - appends, full runs, remodels, rollbacks, approvals - in orders that Hypothesis draws.

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

from tests.concurrency.clients import SteppedCatalog, stepped_stores
from tests.concurrency.orders import State, ended, run_alone
from tests.concurrency.steps import Ended, Program
from tests.concurrency.stores import Put, Stored, Transact
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import DeliveryOverlaps, NoLongerCounted
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import SegmentMode
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.plans import HistoryPlan, KnownFile, SourceFile
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import ApproveRequest, RemodelRequest, RollbackRequest
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.runs import Run
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.approval import approve
from voucher_selection.pipeline.merging import Merged
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel
from voucher_selection.pipeline.rollback import roll_back

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CUR_DATE = date(2018, 9, 15)
# All assignments are of the same day: whatever is added to it overlaps.
DAY = datetime(2018, 7, 21, 18, 59)
# How many assignments each run counts: every sum of them is another one.
ROWS = {"first": 1, "a": 10, "b": 100, "full": 1000}


def definitions(*segments: tuple[str, int, int | None]) -> SegmentDefinitions:
    ranges = [dict(zip(("name", "lower", "upper"), segment, strict=True)) for segment in segments]
    by_orders = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    return SegmentDefinitions.model_validate({"segmentations": [by_orders]})


# How good a model is decides nothing; its object is written all the same.
NO_QUALITY = {"segmentations": [], "countries": []}
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
        patch.setattr("voucher_selection.pipeline.attempts.pause", lambda: None)
        for module in ("publishing", "remodelling", "rollback", "approval", "conclusion"):
            patch.setattr(f"voucher_selection.pipeline.{module}.datetime", Standing)
        patch.setattr("voucher_selection.pipeline.publishing.segment_modes", known_modes)
        patch.setattr("voucher_selection.pipeline.publishing.quality_of", lambda *_: NO_QUALITY)
        yield


def known_modes(counts: Counts, definitions: SegmentDefinitions, cur_date: date, countries: tuple[str, ...]):
    """Return the modes of counts; of the same counts they are computed once, for programs are run over and over."""
    asked = json.dumps(
        [counts.over_days(Measure.TOTAL_ORDERS).to_pylist(), definitions.model_dump(), cur_date.isoformat(), countries]
    )
    if asked not in _MODES:
        _MODES[asked] = segment_modes(counts, definitions, cur_date, countries)
    return _MODES[asked]


_MODES: dict[str, tuple[SegmentMode, ...]] = {}


@cache
def merged(rows: int) -> Merged:
    kept = {"timestamp": DAY, "country_code": "Peru", "total_orders": 3, "voucher_amount": 2640.0}
    return Merged(
        Totals(rows_read=rows, kept=rows), Counts.of(pa.RecordBatch.from_pylist([kept] * rows, CLEANED_SCHEMA))
    )


def plan(run_id: str, mode: str, seconds: int, *known: str) -> HistoryPlan:
    """Return the plan of a run whose source has an object of its own, and those of `known` runs, which are counted."""
    return HistoryPlan(
        run_id=run_id,
        mode=mode,
        started_at=STARTED + seconds * SECOND,
        source="s3://lake/days/",
        reading=Reading(("Peru",)),
        cur_date=CUR_DATE,
        definitions=SERVED_AT_FIRST,
        files=(SourceFile(key=f"raw/{run_id}", **object_of(run_id), size=1, rows=ROWS[run_id]),),
        known=tuple(KnownFile(**object_of(run)) for run in known),
        shards=1,
    )


def object_of(run_id: str) -> dict[str, str]:
    return {"source": f"s3://lake/days/{run_id}", "identity": f"{run_id}#1"}


STARTS = {"first": ("full", 0), "a": ("append", 1), "b": ("append", 3), "full": ("full", 4)}

SETTINGS = ModelSettings(bucket="lake", table="catalog", cur_date=CUR_DATE, kept_versions=2, version_days=30, gate="{}")


def model_of(run_id: str, overlap: str = "add") -> Program:
    mode, seconds = STARTS[run_id]
    asked = {"overlap": overlap} if mode == "append" else {}
    request = parse_request({"mode": mode, "source": "s3://lake/days/"} | asked)
    run = Run(run_id, STARTED + seconds * SECOND)
    return Program(run_id, lambda ask: publish_run(run, request, stepped_stores(ask), SETTINGS))


REMODEL = Program(
    "remodel",
    lambda ask: remodel(
        Run("remodel", STARTED + 2 * SECOND),
        RemodelRequest(mode="remodel", segments=OTHERS),
        stepped_stores(ask),
        SETTINGS,
    ),
)
ROLLBACK = Program(
    "rollback",
    lambda ask: roll_back(
        Run("rollback", STARTED + 5 * SECOND), RollbackRequest(mode="rollback"), stepped_stores(ask), SETTINGS
    ),
)
APPROVAL = Program(
    "approval",
    lambda ask: approve(
        Run("approval", STARTED + 6 * SECOND),
        ApproveRequest(mode="approve", run_id="b"),
        stepped_stores(ask),
        SETTINGS,
    ),
)
HELD_BACK = {
    "started_at": STARTED.isoformat(),
    "request": {"mode": "append", "source": "s3://lake/days/", "overlap": "add"},
    "error": "HeldBack",
}


@cache
def after(*run_ids: str) -> Stored:
    """Return what is stored when these runs were served one after the other, and then all others were planned."""
    stored = Stored({RunKeys("b").summary: json.dumps(HELD_BACK).encode()})
    for run_id in run_ids:
        stored = planned(stored, run_id, *run_ids[: run_ids.index(run_id)])
        stored, how = run_alone(stored, model_of(run_id))
        assert how.result.published
    for run_id in STARTS.keys() - {*run_ids}:
        stored = planned(stored, run_id, *run_ids)
    return stored


def planned(stored: Stored, run_id: str, *counted: str) -> Stored:
    mode, seconds = STARTS[run_id]
    of_run = plan(run_id, mode, seconds, *(counted if mode == "append" else ()))
    return stored.after(Put(RunKeys(run_id).plan, of_run.model_dump_json().encode()))[0]


# Whose turn it is, of those that are under way, and now and then that one dies: it has no turn, and begins anew.
turns = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([False] * 30 + [True])), min_size=60, max_size=250)
# Without shrinking, which takes minutes: the smaller scenarios are gone through in all orders anyway.
drawn = settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])


@drawn
@given(turns)
def test_every_addition_counts_once_and_what_is_served_is_whole(turns: list[tuple[int, bool]]):
    state = ends_of(after("first"), (model_of("a"), REMODEL, model_of("b")), turns)

    assert [how.error for how in ends(state)] == [None, None, None]
    assert served_rows(state.stored) == 111
    assert sorted(counted_objects(state.stored)) == ["a#1", "b#1", "first#1"]
    assert {ends(state)[place].result.outcome for place in (0, 2)} == {"published"}


@drawn
@given(turns)
def test_deliveries_of_the_same_day_leave_the_one_that_was_served_last(turns: list[tuple[int, bool]]):
    """Whatever the order, the counts are one delivery's, all objects are in the ledger, and the account adds up."""
    state = ends_of(after("first"), (model_of("a", "replace"), REMODEL, model_of("b", "replace")), turns)

    assert [how.error for how in ends(state)] == [None, None, None]
    assert served_rows(state.stored) in (ROWS["a"], ROWS["b"])
    ledger = served_ledger(state.stored)
    assert sorted(ledger.identities) == ["a#1", "b#1", "first#1"]
    assert (ledger.rows.kept, ledger.rows.kept - ledger.rows.replaced) == (111, served_rows(state.stored))


@drawn
@given(turns)
def test_of_two_deliveries_of_the_same_day_the_later_is_held_back_and_publishes_nothing(turns: list[tuple[int, bool]]):
    state = ends_of(after("first"), (model_of("a", "add"), model_of("b", "refuse")), turns)

    added, refused = ends(state)
    assert (added.error, type(refused.error)) == (None, DeliveryOverlaps)
    assert served_rows(state.stored) == ROWS["first"] + ROWS["a"]


BESIDE = {
    "a rollback": (ROLLBACK,),
    "a full run": (model_of("full"),),
    "a rollback and a full run": (ROLLBACK, model_of("full")),
    "a rollback and a remodel": (ROLLBACK, REMODEL),
}


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("adds", [model_of("b"), APPROVAL], ids=["an append", "an approval"])
def test_what_publishes_has_all_of_its_source_whatever_is_served_meanwhile(adds: Program, beside: str):
    outcomes = set()

    @drawn
    @given(turns)
    def in_orders(turns: list[tuple[int, bool]]) -> None:
        state = ends_of(after("first", "a"), (adds, *BESIDE[beside]), turns)
        addition, *others = ends(state)
        outcomes.add(type(addition.error))

        assert all(how.error is None for how in others)
        assert addition.error is None or isinstance(addition.error, NoLongerCounted)

    in_orders()
    assert NoLongerCounted in outcomes


def ends_of(stored: Stored, writers: tuple[Program, ...], turns: list[tuple[int, bool]]) -> State:
    """Return the state when all have ended, checked at every move of the pointer, and against what the runs say."""
    state = State(stored, tuple(program.first() for program in writers))
    for turn, dies in turns:
        if not state.under_way:
            break
        place = state.under_way[turn % len(state.under_way)]
        state, before = began_anew(state, place) if dies else state.step(place), state
        if isinstance(before.points[place].next, Transact):
            rows = served_ledger(state.stored).rows
            assert served_rows(state.stored) == rows.kept - rows.replaced
            assert rows.kept == sum(ROWS[name.partition("#")[0]] for name in counted_objects(state.stored))
    while state.under_way:
        state = state.step(state.under_way[0])
    for point in state.points:
        check_what_it_says(state.stored, point.program.name, ended(point))
    return state


def check_what_it_says(stored: Stored, run_id: str, how: Ended) -> None:
    """Check that a run says that it has published if and only if it has moved the pointer, with all of its source."""
    mover = "b" if run_id == "approval" else run_id
    has_moved = ("MODEL", f"RUN#{mover}") in stored.contents
    assert has_moved == (how.error is None and how.result.published), run_id
    if has_moved and mover in STARTS:
        made = HistoryPlan.model_validate_json(stored.contents[RunKeys(mover).plan])
        entries = json.loads(stored.contents[RunKeys(mover).ledger])["entries"]
        assert {entry["identity"] for entry in entries} >= {file.identity for file in (*made.files, *made.known)}


def ends(state: State) -> list[Ended]:
    return [ended(point) for point in state.points]


def began_anew(state: State, place: int) -> State:
    points = list(state.points)
    points[place] = points[place].program.first()
    return State(state.stored, tuple(points))


@cache
def served_rows(stored: Stored) -> int:
    """Return how many assignments are behind the segments that are served, all of which must be there."""

    def read(ask):
        catalog = SteppedCatalog(ask)
        return catalog.read(catalog.served_version())

    model = run_alone(stored, Program("reader", read))[1].result
    return sum(mode.support for mode in model.modes)


def counted_objects(stored: Stored) -> tuple[str, ...]:
    """Return the objects in the ledger behind the served model."""
    return tuple(entry.identity for entry in served_ledger(stored).entries)


@cache
def served_ledger(stored: Stored) -> Ledger:
    """Return the ledger behind the served model."""

    def read(ask):
        lake, catalog = stepped_stores(ask)
        return lake.read_json(RunKeys(catalog.base().served.counts.run_id).ledger, Ledger)

    ledger: Ledger = run_alone(stored, Program("ledger", read))[1].result
    return ledger
