"""A stack keeps the settings that it was deployed with, exactly: the next deployment starts from them."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from aws_cdk.assertions import Annotations, Match

from infra_cdk import settings_record
from infra_cdk.context import FROM_DEPLOYED, stage_from_context
from infra_cdk.stack import VoucherSelection
from infra_cdk.stages import SETTINGS, Stage, stage
from layers.build.packages import Packages
from local.quickstart.settings.asked import NAMES, Asked
from local.quickstart.settings.starting import Deployed, starting_from
from tests.infrastructure.conftest import ALL_GUARDS, ROOT, STAGES, Synthesized

SEGMENTS = {"segmentations": [{"name": "größe", "measure": "total_orders", "segments": [], "outside": 'außen, "x"'}]}
# Each is another one than the default of the stages, as far as there is another one.
OTHERS: dict[str, Any] = {
    "countries": ("Perú", "Côte d'Ivoire", "中国"),
    "cur_date": date(2021, 2, 3),
    "time_zone": "America/Lima",
    "null_dates": (date(1900, 1, 1), date(9999, 12, 31)),
    "refresh_schedule": "cron(15 5 ? * MON-FRI *)",
    "source_hosts": ("files.example.com", "other.example.com"),
    "fallback": "country",
    "source_private_addresses": True,
    "source_max_bytes": 12_345_678_901,
    "source_buckets": ("histories", "more-histories"),
    "auth": "api_key",
    "start_runs": True,
    "inbox": True,
    "inbox_overlap": "add",
    "cors_origins": ("https://a.example", "http://b.example:3000"),
    "rate_limit": 1234.56789012345,
    "burst_limit": 4_321,
    "quota_per_day": 1_234_567,
    "snap_start": False,
    "waf_rate_limit": 1_999_999_999,
    "model_refresh_seconds": 0.1 + 0.2,
    "most_malformed_share": 0.12345678901234568,
    "most_rejected_rise": None,
    "least_kept_rows": 5_000,
    "most_lost_segments": 0,
    "least_support_of_change": 2_000_000_000,
    "log_days": 365,
    "log_level": "DEBUG",
    "tracing": False,
    "trace_requests": True,
    "health_check": False,
    "runbook_url": "https://wiki.example.com/runbook",
    "alarm_email": "on-call+vouchers@example.com",
    "monitoring": True,
    "most_model_age_hours": None,
    "execution_logs": False,
    "packaging": "bundle",
    "architecture": "x86_64",
    "wheels": "host",
    "removal": "retain",
    "restored_table": "models-of-friday",
}
NUMBERS = {setting.name: 800 + index for index, setting in enumerate(SETTINGS) if type(setting.default) is int}
NOT_HERE = {"deployment": "canary", "tables": True, "api_reserved_concurrency": 7, "clean_reserved_concurrency": 41}
GUARDS = {name: value for name, value in ALL_GUARDS.items() if name not in {"auth", "start_runs", "source_buckets"}}


def every_setting(folder: Path, name: str) -> dict[str, Any]:
    """All settings of a stage, each with a value that is not its default; what the emulator refuses only on AWS."""
    file = folder / "segments.json"
    file.write_text(json.dumps(SEGMENTS, indent=2))
    limited = {"api_timeout_seconds": 28, "what_if_timeout_seconds": 27}
    return {**NUMBERS, **OTHERS, **limited, "segments_file": file, **({} if name == "local" else GUARDS | NOT_HERE)}


def output_of(synthesized: Synthesized) -> str:
    value: str = synthesized.json["Outputs"][settings_record.OUTPUT]["Value"]
    return value


def started_from(output: str, name: str, folder: Path) -> Stage:
    """The stage of a deployment that starts from a stack and is asked for nothing."""
    deployed = Deployed(is_there=True, settings=settings_record.read(output))
    return starting_from(deployed, Asked(), name, folder).stage


def test_the_settings_of_the_tests_are_all_that_there_are(tmp_path: Path):
    assert every_setting(tmp_path, "dev").keys() == set(NAMES)


def test_a_stage_without_settings_keeps_none(each_stage: Synthesized):
    assert output_of(each_stage) == "{}"


@pytest.mark.parametrize("name", STAGES)
def test_the_next_deployment_starts_from_every_setting_of_the_template(
    synthesize_anew: Callable[..., Synthesized], tmp_path: Path, name: str
):
    made = synthesize_anew(name, **every_setting(tmp_path, name), endpoint="https://localhost:4651")
    (tmp_path / "segments.json").unlink()
    output = output_of(made)

    found = started_from(output, name, tmp_path)

    assert output.isascii(), "CloudFormation puts question marks for what is not"
    assert found.given == made.stage.given - {"endpoint"}
    assert json.loads(found.segments) == SEGMENTS
    for setting in set(NAMES) - {"segments_file"}:
        assert getattr(found, setting) == getattr(made.stage, setting), setting


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("setting", NAMES)
def test_a_setting_that_is_given_as_its_default_or_as_nothing_comes_back_as_it_was(name: str, setting: str):
    for value in {getattr(stage(name), setting), None if setting == "cur_date" else getattr(stage("dev"), setting)}:
        made = stage(name, **{setting: value})

        found = stage_from_context({"stage": name, **settings_record.read(settings_record.written(made))})

        assert found == made
        assert found.given == {setting}


@given(
    share=st.floats(0, 1),
    seconds=st.floats(0, 86_400),
    rate=st.floats(1, 10_000),
    rows=st.integers(1, 2**31),
    countries=st.lists(st.text(st.characters(exclude_characters=",", exclude_categories=["Cs"]), min_size=1)),
)
def test_any_value_comes_back_to_the_last_digit(
    share: float, seconds: float, rate: float, rows: int, countries: list[str]
):
    named = tuple(stripped for country in countries if (stripped := country.strip())) or ("Peru",)
    made = stage(
        "prod",
        most_malformed_share=share,
        model_refresh_seconds=seconds,
        rate_limit=rate,
        shard_target_rows=rows,
        countries=named,
    )

    assert stage_from_context({"stage": "prod", **settings_record.read(settings_record.written(made))}) == made


def test_settings_that_no_resource_shows_change_one_all_the_same(
    synthesize: Callable[..., Synthesized], dev: Synthesized
):
    # without a firewall; CloudFormation updates no output by itself
    other = synthesize("dev", waf_rate_limit=500)

    before, after = dev.json["Resources"], other.json["Resources"]
    changed = [name for name in before if before[name] != after[name]]
    assert [before[name]["Type"] for name in changed] == ["AWS::StepFunctions::StateMachine"]
    tags = [{tag["Key"]: tag["Value"] for tag in each[changed[0]]["Properties"]["Tags"]} for each in (before, after)]
    assert tags[0].pop("settings") != tags[1].pop("settings")
    assert tags[0] == tags[1]


def warnings_of(packages: Packages, name: str, context: dict[str, str]) -> list[str]:
    """What the CDK warns of when a stage is synthesized with a context."""
    of_project = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context={**of_project, **context}, builtin_cloud_formation_validation=False)
    stack = VoucherSelection(app, f"VoucherSelection-{name}", stage=stage(name), packages=packages)
    return [str(found.entry.data) for found in Annotations.from_stack(stack).find_warning("*", Match.any_value())]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_bare_cdk_warns_that_it_starts_from_the_defaults_and_deploy_does_not(packages: Packages, name: str):
    bare, complete = warnings_of(packages, name, {}), warnings_of(packages, name, {FROM_DEPLOYED: "true"})

    (told,) = set(bare) - set(complete)
    assert f"get the defaults of {name}, whatever is deployed. ./quickstart deploy --stage {name}" in told
