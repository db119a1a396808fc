"""What docs/cost.md reckons, for figures that can be checked by hand."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.month_costs import Deployed, idle_costs, lookup_costs, trace_cost
from benchmarks.run_costs import Measured, ingest_cost, run_cost, stored_costs

PRICES = Path(__file__).resolve().parents[2] / "benchmarks/prices.toml"
MEASURED = Measured(
    cpu_seconds_per_row=0.25e-6,
    read_bytes_per_row=12,
    written_bytes_per_row={"staging": 1.3, "quarantine": 0.5},
    gets_per_shard=17,
    puts_per_shard=8,
    footer_seconds=20e-6,
    footer_bytes=400,
    plan_bytes=2_000,
)


@pytest.fixture
def inputs() -> dict[str, Any]:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


def test_a_trillion_rows_take_less_than_ten_minutes_and_25_dollars(inputs: dict[str, Any]):
    run = run_cost(10**12, MEASURED, inputs)

    assert (run.shards, run.groups) == (100_000, 200)
    assert run.total < 25
    assert run.seconds(5_000, inputs) < 600


def test_a_run_costs_what_its_parts_cost(inputs: dict[str, Any]):
    run = run_cost(10**9, MEASURED, inputs)

    # 100 shards of 10,000,000 rows, each of 10e6 x 0.25e-6 x 1.5 + 1 s
    assert run.clean_seconds == pytest.approx(4.75)
    gb_seconds = 100 * 4.75 * 1.75 + run.ingest.seconds + run.model_seconds * 1.75
    assert run.compute == pytest.approx(gb_seconds * 0.0000133334 + 100 * 4.75 * 1.5 * 3.09e-8 + 102 * 2e-7)
    assert run.states == pytest.approx((100 * 2 + 8) * 0.000025)
    # 12 files: each has 15 parts of 64 MiB, begins and completes its copy, and has 3 questions about it and its footer
    assert run.ingest.requests == pytest.approx(12 * (15 + 2) * 5e-6 + 12 * 3 * 4e-7)
    # 808 PUTs and what is listed of them; 1,900 GETs; the model
    assert run.requests - run.ingest.requests == pytest.approx(808.8 * 5e-6 + 1_900 * 4e-7 + 20 * 0.625e-6)
    assert run.scanned == pytest.approx(0.06)


def test_more_at_once_is_faster_until_other_limits_are_met(inputs: dict[str, Any]):
    run = run_cost(10**11, MEASURED, inputs)

    assert run.seconds(40, inputs) > 250 * run.clean_seconds
    assert run.seconds(10_000, inputs) > 10_000 / 5_000 + 90 / 2  # Lambda needs 90 s to start 10,000


def test_ingest_s_time_grows_with_the_bytes_and_its_memory_with_the_row_groups(inputs: dict[str, Any]):
    usual = ingest_cost(10**12, MEASURED, inputs)
    inputs["assumed"]["rows_per_row_group"] = 100_000
    of_small_row_groups = ingest_cost(10**12, MEASURED, inputs)

    assert usual.copy_seconds == pytest.approx(12e12 / 500 / 60e6)
    assert of_small_row_groups.copy_seconds == usual.copy_seconds
    assert of_small_row_groups.memory_mb > 4_000 > usual.memory_mb
    assert of_small_row_groups.footer_seconds > 4 * usual.footer_seconds


def test_objects_are_paid_for_until_their_noncurrent_days_are_over(inputs: dict[str, Any]):
    stored = stored_costs(10**9, MEASURED, inputs)

    assert stored["raw"] == pytest.approx(12 * 0.023 * 120 * 12 / 365)
    assert stored["staging"] == pytest.approx(1.3 * 0.023 * 60 * 12 / 365)


def test_only_prod_pays_for_a_firewall(inputs: dict[str, Any]):
    dev, prod = (idle_costs(Deployed.on(stage), inputs) for stage in ("dev", "prod"))

    assert (dev["firewall (WAF)"], prod["firewall (WAF)"]) == (0, 5 + 3)
    assert dev["dashboard"] == prod["dashboard"] == 3
    assert dev["alarms"] >= 2.5
    assert dev["the API's snapshot (SnapStart)"] == pytest.approx(1.98, abs=0.01)


def test_an_alarm_s_expression_is_billed_by_its_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "x.yaml").write_text("""
Resources:
  One: {Type: "AWS::CloudWatch::Alarm", Properties: {MetricName: Errors}}
  Three:
    Type: AWS::CloudWatch::Alarm
    Properties: {Metrics: [{Expression: a + b + c}, {MetricStat: {}}, {MetricStat: {}}, {MetricStat: {}}]}
  Look: {Type: "AWS::Events::Rule", Properties: {ScheduleExpression: rate(5 minutes)}}
""")
    monkeypatch.setattr("benchmarks.month_costs._TEMPLATES", tmp_path)

    assert Deployed.on("x") == Deployed(alarm_metrics=4, dashboards=0, keys=0, firewall_rules=0, watches=True)


def test_fewer_lookups_a_second_cost_more(inputs: dict[str, Any]):
    slow, fast = lookup_costs(1, inputs), lookup_costs(100, inputs)

    assert sum(slow.values()) > sum(fast.values()) > 1e6 * 0.0000035
    assert [trace_cost(rate, inputs) for rate in (1, 100)] == [pytest.approx(5.0), pytest.approx(0.2975)]
