"""What the benchmarks reckon with is what is deployed."""

import tomllib
from pathlib import Path

from infra_cdk.stages import Stage, stage

PRICES = Path(__file__).resolve().parents[2] / "benchmarks" / "prices.toml"
OTHER_NAMES = {"shard_rows": "shard_target_rows"}


def test_the_costs_are_reckoned_with_the_settings_of_the_stages_on_aws():
    reckoned = tomllib.loads(PRICES.read_text())["stage"]
    dev: Stage = stage("dev")

    assert {f"{name}_memory_mb" for name in ("ingest", "clean", "assign", "model", "what_if", "api")} <= set(reckoned)
    assert reckoned == {name: getattr(dev, OTHER_NAMES.get(name, name)) for name in reckoned}
