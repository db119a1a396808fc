"""Deliveries that replace days: whatever was delivered, each day has the rows of its last delivery."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.histories import SCHEMA, history, parquet_bytes
from tests.memory_runs import Deployment, StageSettings
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.overlaps import CountryDay
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.totals import Totals

READING = Reading(("Peru", "Latvia"))
FOLDER = "uploads/history/"
# One segment: the catalog is not what is looked at here.
ONE = '{"segmentations": [{"name": "all", "measure": "total_orders", "outside": "a",\
 "segments": [{"name": "b", "lower": 0, "upper": 5}]}]}'
type Row = dict[str, Any]

KEPT = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(["2018-07-01 08:00:00", "2018-07-01 23:59:59", "2018-07-02", "2018-07-03", None]),
        "country_code": st.sampled_from(["Peru", "PERU", "Latvia"]),
        "total_orders": st.sampled_from(["1", "2"]),
        "voucher_amount": st.sampled_from([1.0, 2.0]),
    }
)
OTHERS = st.sampled_from([{"country_code": "China"}, {"total_orders": "2.5"}, {"voucher_amount": None}])


class Step(NamedTuple):
    """What arrives in the folder, and what is then delivered: one of its objects, or all."""

    arrives: dict[str, list[Row]]
    delivered: str | None


@st.composite
def deliveries(draw: st.DrawFn) -> list[Step]:
    """Draw files of few contents and names, so that they come again, in the place of each other, and side by side."""
    of_one_file = st.tuples(st.lists(KEPT, min_size=1, max_size=4), st.lists(OTHERS, max_size=2)).map(
        lambda t: t[0] + t[1]
    )
    contents = draw(st.lists(of_one_file, min_size=2, max_size=4))
    steps: list[Step] = []
    names: set[str] = set()
    for _ in range(draw(st.integers(2, 6))):
        arrives = draw(
            st.dictionaries(st.sampled_from("abc"), st.sampled_from(contents), min_size=not names, max_size=2)
        )
        names |= arrives.keys()
        steps.append(Step(arrives, draw(st.none() | st.sampled_from(sorted(names)))))
    return steps


class LastDelivered:
    """The rows that have to be counted: those of each day's last delivery, and each object's without a day."""

    def __init__(self) -> None:
        self.of_days: dict[CountryDay, list[Row]] = {}
        self.undated: dict[tuple[str, bytes], list[Row]] = {}

    def deliver(self, files: dict[str, bytes]) -> None:
        new: dict[CountryDay, list[Row]] = {}
        for name, content in files.items():
            rows = kept(content)
            self.undated[name, content] = [row for row in rows if row["timestamp"] is None]
            for row in rows:
                if row["timestamp"] is not None:
                    new.setdefault(CountryDay(row["country_code"], row["timestamp"].date()), []).append(row)
        self.of_days |= new

    @property
    def counts(self) -> Counts:
        rows = [row for some in (*self.of_days.values(), *self.undated.values()) for row in some]
        return Counts.of(pa.RecordBatch.from_pylist(rows, kept_of(history()).schema))


def kept(content: bytes) -> list[Row]:
    return kept_of(pq.read_table(pa.BufferReader(content))).to_pylist()


def kept_of(table: pa.Table) -> pa.RecordBatch:
    return clean(pa.RecordBatch.from_pylist(table.to_pylist(), SCHEMA), READING).kept


@pytest.fixture(scope="module")
def of_stage() -> Iterator[StageSettings]:
    with StageSettings.of(segments=ONE, shard_target_rows=2, countries=READING.countries) as settings:
        yield settings


# Without shrinking, which takes minutes.
@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
@given(deliveries())
def test_deliveries_that_replace_end_in_the_last_delivery_of_each_day(of_stage, steps: list[Step]):
    deployment, expected, totals = Deployment(of_stage), LastDelivered(), Totals()
    for number, step in enumerate(steps):
        deployment.objects.update(
            {f"{FOLDER}{name}.parquet": parquet_bytes(history(*rows)) for name, rows in step.arrives.items()}
        )
        key = FOLDER if step.delivered is None else f"{FOLDER}{step.delivered}.parquet"
        before = expected.counts
        expected.deliver({name: content for name, content in deployment.objects.items() if name.startswith(key)})

        plan, summary = deployment.run(key, **({"mode": "append", "overlap": "replace"} if number else {}))

        counts, ledger = deployment.served()
        assert counts == expected.counts
        if summary.published:
            totals = Totals.sum([totals, summary.rows])
        else:
            assert (summary.outcome, before) == ("nothing_new", counts)
        rows = ledger.rows
        assert rows.kept - rows.replaced == counts.assignments == totals.kept - totals.replaced
        assert rows.rows_read == rows.other_country + sum(rows.rejected.values()) + rows.kept == totals.rows_read
        assert ledger.identities >= {file.identity for file in plan.files}
