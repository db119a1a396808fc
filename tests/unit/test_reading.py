"""How a history is read, from the plan on."""

from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.segments import shipped_definitions

# As Ingest wrote it when a reading was its countries.
PLAN_OF_BEFORE = {
    "run_id": "run-1",
    "mode": "full",
    "started_at": "2026-01-01T00:00:00Z",
    "source": "s3://bucket/history.parquet",
    "countries": ["Peru", "Latvia"],
    "cur_date": "2018-09-15",
    "definitions": shipped_definitions().model_dump(mode="json"),
    "files": [],
    "known_files": 0,
    "shards": 0,
}


def test_a_plan_that_was_written_before_there_were_readings_is_read():
    plan = HistoryPlan.model_validate(PLAN_OF_BEFORE)

    assert plan.reading == Reading(("Peru", "Latvia"))
    assert plan.countries == ("Peru", "Latvia")


def test_a_plan_keeps_its_reading():
    plan = HistoryPlan.model_validate(PLAN_OF_BEFORE)

    assert HistoryPlan.model_validate_json(plan.model_dump_json()) == plan
