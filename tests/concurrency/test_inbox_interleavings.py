"""The inbox in any order: drops, events that come late, twice or never, and functions that die at any call.

Everything around the inbox's own logic is stood in for. Before each of its calls, something else may happen.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from voucher_selection.adapters.inbox_lease import Lease
from voucher_selection.adapters.state_machine import Standing
from voucher_selection.domain.errors import NoModel
from voucher_selection.domain.inbox import Dropped
from voucher_selection.domain.inbox_runs import MOST_ATTEMPTS, Batch
from voucher_selection.domain.plans import KnownFile, SourceFile, UnusableSource
from voucher_selection.pipeline.inbox import Inbox, end, take

FOLDER = "s3://lake/inbox/"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
# How a file of each content ends. Only the first is what a run can count.
ENDS = {
    "sound": {"counted", "counted_before"},
    "unusable": {"refused"},
    "damaged": {"refused"},
    "overlapping": {"held_back"},
}
_ERRORS = {"damaged": "ShardsIncomplete", "overlapping": "DeliveryOverlaps"}


class Died(Exception):
    """A function died: out of time, or its machine was lost."""


class World:
    """S3, DynamoDB, Step Functions and the runs, as far as the inbox sees them."""

    def __init__(self, seed: int, drops: list[tuple[str, str]], *, unrest: float, dies: bool = True) -> None:
        self.chance = random.Random(seed)
        self.unrest, self.dies = unrest, dies
        self.left = drops
        self.now = STARTED
        self.objects: dict[str, Dropped] = {}
        self.marks: set[str] = set()
        self.results: dict[str, Any] = {}
        self.batches: dict[str, Batch] = {}
        self.lease = Lease(None, 0, None)
        self.runs: dict[str, Run] = {}
        self.ledger: list[tuple[str, str]] = []
        self.events = 0
        self.depth = 0
        self.calls, self.disturbances = 0, {}
        self.inbox: Any = Inbox(Objects(self), Leases(self), Machine(self), Catalog(self), "refuse")

    def drop(self, name: str, content: str) -> None:
        self.now += timedelta(seconds=1)
        self.objects[name] = Dropped(name=name, etag=content, size=1, dropped_at=self.now)
        self.events += self.chance.choice((0, 1, 1, 1, 2) if self.dies and self.unrest else (1, 1, 2))

    def before(self, call: int, disturb: Callable[[], object]) -> None:
        """Let something happen before the call of this number."""
        self.disturbances[call] = disturb

    def drop_and_tell(self, name: str, content: str) -> None:
        """Drop an object, and deliver its event and all others: none is left to make up for what these miss."""
        self.drop(name, content)
        self.deliver_all()

    def happens(self) -> None:
        """Let other things happen before a call, or let its function die."""
        self.calls += 1
        if disturb := self.disturbances.pop(self.calls, None):
            disturb()
        while self.chance.random() < self.unrest:
            what = self.chance.choice(("drop", "event", "event", "run", "run", "die" if self.dies else "run"))
            if what == "die":
                raise Died
            if what == "drop" and self.left:
                self.drop(*self.left.pop())
            elif self.depth < 2:
                self.depth += 1
                with suppress(Died):
                    self.deliver_all() if what == "event" else self.advance()
                self.depth -= 1

    def deliver(self) -> None:
        """Deliver an event; one whose function died is delivered again later."""
        if self.events:
            self.events -= 1
            try:
                take(self.inbox)
            except Died:
                self.events += 1
                raise

    def deliver_all(self) -> None:
        """Deliver every event that waits."""
        while self.events:
            self.deliver()

    def advance(self) -> None:
        """Let a run take its next step."""
        if running := [run for run in self.runs.values() if run.status == "RUNNING" and not run.busy]:
            self.chance.choice(running).advance()

    def calm(self) -> None:
        """Let everything come to its end; where functions died, somebody looks again, as the schedule does."""
        self.unrest = 0
        while self.left:
            self.drop(*self.left.pop())
        for _ in range(4 if self.dies else 1):
            while self.events or any(run.status == "RUNNING" for run in self.runs.values()):
                with suppress(Died):
                    self.deliver()
                self.advance()
            if self.dies:
                with suppress(Died):
                    take(self.inbox)


class Run:
    """An execution: it looks at its files, counts them, and tells the inbox."""

    def __init__(self, world: World, run_id: str, request: dict[str, Any]) -> None:
        self.world, self.run_id, self.request = world, run_id, request
        self.status, self.error, self.busy = "RUNNING", None, False
        self.plan: Any = None
        self.record: dict[str, Any] | None = None
        self.tells = 0

    def advance(self) -> None:
        chance, unrest = self.world.chance, self.world.unrest
        if self.world.dies and chance.random() < unrest / 4 and not self.tells:
            self.status = chance.choice(("ABORTED", "TIMED_OUT"))
        elif self.plan is None:
            self._look()
        elif self.record is None:
            self._count()
        else:
            self._tell()

    def _look(self) -> None:
        found = [self.world.objects[name] for name in self.request["files"] if name in self.world.objects]
        known = [each for each in found if (each.name, each.etag) in self.world.ledger]
        unusable = [each for each in found if each.etag.startswith("unusable")]
        files = [each for each in found if each not in known and each not in unusable]
        named = {each.name: {"source": FOLDER + each.name, "identity": each.etag} for each in found}
        self.plan = SimpleNamespace(
            known=tuple(KnownFile(**named[each.name]) for each in known),
            unusable=tuple(UnusableSource(**named[each.name], error="WrongSchema", message="no") for each in unusable),
            files=tuple(SourceFile(**named[each.name], key="", size=1, rows=1) for each in files),
        )

    def _count(self) -> None:
        new = [(file.source.removeprefix(FOLDER), file.identity) for file in self.plan.files]
        kinds = {content.partition("-")[0] for _, content in new}
        error = next((_ERRORS[kind] for kind in sorted(kinds) if kind in _ERRORS), None)
        if self.plan.unusable and not new and not self.plan.known:
            error = "NoUsableFiles"
        if self.world.chance.random() < self.world.unrest / 4:
            error = self.world.chance.choice(("LakeUnavailable", "Sandbox.Timedout", "CatalogContended"))
        if error:
            self.record = {"status": "failed", "error": error, "cause": "why"}
            return
        self.world.ledger += [each for each in new if each not in self.world.ledger]
        rows = {"rows_read": len(new), "kept": len(new), "rejected": {}, "other_country": 0}
        outcome = "published" if new else "nothing_new"
        self.record = {"outcome": outcome, "files": len(new), "rows": rows, "version": self.run_id}

    def _tell(self) -> None:
        self.tells, self.busy = self.tells + 1, True
        try:
            goes_on = end(self.world.inbox, self.run_id)
        except Died:
            if self.tells < 3:
                return
            goes_on = False
        finally:
            self.busy = False
        self.status = "SUCCEEDED" if goes_on or "error" not in self.record else "FAILED"


class Objects:
    def __init__(self, world: World) -> None:
        self._world, self.folder = world, FOLDER

    def unsettled(self) -> list[Dropped]:
        self._world.happens()
        settled = set(self._world.marks)
        self._world.happens()
        return [each for each in self._world.objects.values() if each.mark not in settled]

    def settle(self, results: Any) -> None:
        for result in results:
            self._world.happens()
            self._world.results[result.name] = result
            self._world.happens()
            self._world.marks.add(result.dropped.mark)

    def batch(self, run_id: str) -> Batch | None:
        self._world.happens()
        return self._world.batches.get(run_id)

    def write_batch(self, batch: Batch) -> None:
        self._world.happens()
        self._world.batches[batch.run_id] = batch

    def plan(self, run_id: str) -> Any:
        self._world.happens()
        return self._world.runs[run_id].plan

    def record(self, run_id: str) -> Any:
        self._world.happens()
        return self._world.runs[run_id].record


class Leases:
    def __init__(self, world: World) -> None:
        self._world = world

    def arrived(self) -> Lease:
        self._world.happens()
        self._world.lease = self._world.lease._replace(arrivals=self._world.lease.arrivals + 1)
        return self._world.lease

    def read(self) -> Lease:
        self._world.happens()
        return self._world.lease

    def may_ask(self, _: Lease) -> bool:
        self._world.happens()
        return self._world.unrest == 0 or self._world.chance.random() < 0.5

    def moved(self, lease: Lease, run_id: str) -> bool:
        self._world.happens()
        return self._changed(run_id, same=lease.run_id == self._world.lease.run_id)

    def given_back(self, lease: Lease) -> bool:
        self._world.happens()
        same = (lease.run_id, lease.arrivals) == (self._world.lease.run_id, self._world.lease.arrivals)
        return self._changed(None, same=same)

    def _changed(self, run_id: str | None, *, same: bool) -> bool:
        if same:
            self._world.lease = self._world.lease._replace(run_id=run_id)
        self._world.happens()  # the answer may be lost
        return same


class Machine:
    def __init__(self, world: World) -> None:
        self._world = world

    def start_as(self, run_id: str, request: dict[str, Any]) -> None:
        self._world.happens()
        if run_id not in self._world.runs:
            self._world.runs[run_id] = Run(self._world, run_id, request)
        self._world.happens()

    def standing(self, run_id: str) -> Standing | None:
        self._world.happens()
        run = self._world.runs.get(run_id)
        return run and Standing(run.status, None, "")


class Catalog:
    def __init__(self, world: World) -> None:
        self._world = world

    def served_version(self) -> str:
        if not self._world.ledger:
            raise NoModel
        return "v"


def some_drops(chance: random.Random, most: int) -> list[tuple[str, str]]:
    """Drops of few names with few contents, so that names and contents come again."""
    kinds = [*["sound"] * 12, "unusable", "damaged", "overlapping"]
    names = [f"{n}.parquet" for n in range(most // 2 + 1)]
    return [
        (chance.choice(names), f"{chance.choice(kinds)}-{chance.randrange(4)}")
        for _ in range(chance.randrange(1, most))
    ]


@pytest.mark.parametrize("content", ["sound-1", "damaged-1", "unusable-1"])
def test_what_arrives_before_any_call_is_taken_although_nobody_looks_again(content: str):
    """Its one event comes at once. So it may find a run at work, which must then take the object when it ends."""
    for place in range(60):
        world = World(1, [("first.parquet", "sound-0")], unrest=0, dies=False)
        world.before(place, partial(world.drop_and_tell, "second.parquet", content))
        world.calm()

        assert {dropped.mark for dropped in world.objects.values()} == world.marks, place
        assert world.lease.run_id is None, place
    assert "second.parquet" not in world.objects, "the last place is behind the last call"


def test_a_function_that_dies_before_any_call_is_made_up_for():
    def die() -> None:
        raise Died

    for place in range(60):
        drops = [(f"{n}.parquet", content) for n, content in enumerate(("sound-0", "damaged-0", "sound-1"))]
        world = World(1, drops, unrest=0)
        world.before(place, die)
        world.calm()

        assert sorted(result.status for result in world.results.values()) == ["counted", "counted", "refused"], place
        assert world.lease.run_id is None, place


@pytest.mark.parametrize("unrest", [0.02, 0.1, 0.3])
def test_every_drop_is_settled_and_counts_once_in_any_order(unrest: float):
    for seed in range(60):
        drops = some_drops(random.Random(seed), 40)
        world = World(seed, list(drops), unrest=unrest)
        for _ in range(400):
            with suppress(Died):
                world.chance.choice((world.happens, world.deliver, world.advance))()
        world.calm()

        assert world.lease.run_id is None, seed
        assert max(Counter(world.ledger).values(), default=1) == 1, seed
        assert {content.partition("-")[0] for _, content in world.ledger} <= {"sound"}, seed
        for name, dropped in world.objects.items():
            result = world.results[name]
            kind = dropped.etag.partition("-")[0]
            assert dropped.mark in world.marks, (seed, name)
            assert result.etag == dropped.etag, (seed, name)
            assert result.status in ENDS[kind] | {"failed"}, (seed, name, result)
            if result.status != "failed" and kind == "sound":
                assert (name, dropped.etag) in world.ledger, (seed, name)
            if result.status == "failed":
                assert world.batches[result.run_id].attempt == MOST_ATTEMPTS, (seed, name)


@pytest.mark.parametrize(("sound", "damaged", "most"), [(400, 0, 2), (400, 1, 22), (400, 4, 70), (3, 1, 6)])
def test_many_drops_at_once_take_few_runs(sound: int, damaged: int, most: int):
    drops = [(f"{n}.parquet", "sound-0") for n in range(sound)]
    drops += [(f"bad-{n}.parquet", "damaged-0") for n in range(damaged)]
    random.Random(5).shuffle(drops)
    world = World(5, [], unrest=0)
    for name, content in drops:
        world.drop(name, content)
        world.deliver()
        take(world.inbox)  # the event comes twice
    world.calm()

    assert len(world.ledger) == sound
    assert Counter(result.status for result in world.results.values()) == Counter(
        {"counted": sound, "refused": damaged} if damaged else {"counted": sound}
    )
    assert len(world.runs) <= most


def test_what_cannot_be_used_by_its_look_takes_no_run_of_its_own():
    world = World(1, [(f"{n}.parquet", ("sound-0", "unusable-0")[n % 2]) for n in range(100)], unrest=0)
    world.calm()

    assert Counter(result.status for result in world.results.values()) == {"counted": 50, "refused": 50}
    assert len(world.runs) == 1
