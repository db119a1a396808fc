"""A deployment's settings: defaults by stage, overridden from the context, refused with what is allowed."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from infra_cdk.context import stage_from_context
from infra_cdk.stages import StageError, stage
from voucher_selection.contract.limits import MOST_COUNTRIES

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "layers/shared/python"
CONTRACT = SHARED / "voucher_selection/contract"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd"


def test_no_context_is_the_local_stage_on_the_date_of_the_sample():
    settings = stage_from_context({})

    assert settings.name == "local"
    assert settings.countries == ("Peru",)
    assert settings.cur_date == date(2018, 9, 15)
    assert settings.source_hosts == ("*",)
    assert settings.auth == "none"
    assert settings.endpoint == "https://localhost:4566"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stage_on_aws_counts_to_today_asks_for_a_key_and_reads_nobody_elses_data(name):
    settings = stage(name)

    assert settings.cur_date is None
    assert settings.auth == "api_key"
    assert settings.source_hosts == settings.source_buckets == ()
    assert (settings.packaging, settings.architecture, settings.tracing) == ("layers", "arm64", True)


def test_only_prod_keeps_its_data_when_the_stack_is_deleted():
    assert [stage(name).removal for name in ("local", "dev", "prod")] == ["destroy", "destroy", "retain"]


def test_context_values_replace_the_defaults():
    settings = stage_from_context(
        {
            "stage": "dev",
            "countries": "Peru, Latvia",
            "cur_date": "2018-08-01",
            "time_zone": "Europe/Riga",
            "null_dates": "1900-01-01, 9999-12-31",
            "source_hosts": "a.example,b.example",
            "cors_origins": "https://a.example,http://localhost:3000",
            "rate_limit": "2.5",
            "kept_versions": "3",
            "tracing": "false",
            "architecture": "x86_64",
            "endpoint": "https://localhost:4577",
            "log_level": "DEBUG",
        }
    )

    assert settings.countries == ("Peru", "Latvia")
    assert settings.cur_date == date(2018, 8, 1)
    assert settings.time_zone == "Europe/Riga"
    assert settings.null_dates == (date(1900, 1, 1), date(9999, 12, 31))
    assert settings.source_hosts == ("a.example", "b.example")
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert (settings.rate_limit, settings.kept_versions, settings.tracing) == (2.5, 3, False)
    assert (settings.architecture, settings.log_level) == ("x86_64", "DEBUG")
    assert settings.endpoint == "https://localhost:4577"


def test_only_prod_has_a_firewall_and_nothing_that_is_there_before_the_stack_is_named_by_default():
    named = ("kms_key", "permissions_boundary", "subnet_ids", "security_group_ids", "domain_name", "certificate_arn")

    assert [stage(name).waf for name in ("local", "dev", "prod")] == [False, False, True]
    for name in ("local", "dev", "prod"):
        assert not any(getattr(stage(name), setting) for setting in (*named, "hosted_zone_id", "quota_per_day"))


def test_security_settings_are_read_from_the_context():
    settings = stage_from_context(
        {
            "stage": "prod",
            "auth": "iam",
            "kms_key": KEY,
            "permissions_boundary": "arn:aws:iam::123456789012:policy/team/boundary",
            "subnet_ids": "subnet-0a1b2c3d, subnet-0b2c3d4e",
            "security_group_ids": "sg-0c3d4e5f",
            "waf": "true",
            "waf_rate_limit": "5000",
            "domain_name": "vouchers.example.com",
            "certificate_arn": CERTIFICATE,
            "hosted_zone_id": "Z0123456789ABC",
        }
    )

    assert (settings.auth, settings.kms_key, settings.certificate_arn) == ("iam", KEY, CERTIFICATE)
    assert settings.subnet_ids == ("subnet-0a1b2c3d", "subnet-0b2c3d4e")
    assert (settings.waf, settings.waf_rate_limit) == (True, 5000)


@pytest.mark.parametrize(
    "setting",
    [
        {"kms_key": KEY},
        {"permissions_boundary": "team-boundary"},
        {"subnet_ids": "subnet-0a1b2c3d", "security_group_ids": "sg-0c3d4e5f"},
        {"waf": "true"},
        {"former_kms_keys": KEY},
        {"source_kms_keys": KEY},
        {"deployment": "canary"},
        {"api_reserved_concurrency": "5"},
        {"clean_reserved_concurrency": "5"},
        {"domain_name": "vouchers.example.com", "certificate_arn": CERTIFICATE},
        {"tables": "true"},
    ],
)
def test_the_emulator_refuses_what_there_is_only_on_aws(setting):
    name = next(iter(setting))

    with pytest.raises(StageError, match=f"{name}: the emulator has nothing of the kind; set it on dev or prod only"):
        stage_from_context(setting)
    assert stage_from_context({"stage": "dev", **setting})


def test_the_refresh_is_daily_on_aws_off_here_and_a_setting():
    assert [stage(name).refreshes for name in ("local", "dev", "prod")] == [False, True, True]
    assert not stage("dev", cur_date=date(2018, 9, 15)).refreshes
    assert not stage_from_context({"stage": "dev", "refresh_schedule": ""}).refreshes
    hourly = stage_from_context({"stage": "dev", "refresh_schedule": "rate(1 hour)"})
    assert (hourly.refreshes, hourly.refresh_schedule) == (True, "rate(1 hour)")


def test_lists_may_be_lists_as_in_cdk_json():
    assert stage_from_context({"countries": ["Peru", "China"]}).countries == ("Peru", "China")


@pytest.mark.parametrize("today", ["today", ""])
def test_cur_date_may_be_today(today):
    assert stage_from_context({"cur_date": today}).cur_date is None


def test_the_cdks_own_context_is_left_alone():
    assert (
        stage_from_context({"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": ["**"]}).name == "local"
    )


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"stage": "test"}, "stage: expected one of local, dev, prod, got 'test'"),
        ({"contries": "Peru"}, "contries: no such setting; the settings are stage, .*countries"),
        ({"countries": " , "}, "countries: expected at least one country"),
        ({"countries": [f"Country {n}" for n in range(301)]}, "countries: expected at most 300 countries, got 301"),
        ({"cur_date": "15.09.2018"}, "cur_date: expected a date like 2018-09-15, or today, got '15.09.2018'"),
        ({"time_zone": "Riga"}, "time_zone: expected a zone of the IANA database like Europe/Riga, got 'Riga'"),
        ({"time_zone": "localtime"}, "time_zone: expected a zone of the IANA database"),
        ({"time_zone": ""}, "time_zone: expected a zone of the IANA database like Europe/Riga, got ''"),
        ({"null_dates": "never"}, "null_dates: expected dates like 1900-01-01,9999-12-31, got 'never'"),
        ({"null_dates": ",".join(["1900-01-01"] * 101)}, "null_dates: expected at most 100 dates, got 101"),
        ({"auth": "open"}, "auth: expected one of none, api_key, iam, got 'open'"),
        ({"packaging": "docker"}, "packaging: expected one of bundle, layers"),
        ({"log_level": "TRACE"}, "log_level: expected one of DEBUG, INFO, WARNING, ERROR"),
        ({"kept_versions": "many"}, "kept_versions: expected a whole number, got 'many'"),
        ({"kept_versions": "1"}, "kept_versions: expected 2 to 1000, got 1"),
        ({"rate_limit": "nan"}, "rate_limit: expected a number"),
        ({"tracing": "maybe"}, "tracing: expected true or false, got 'maybe'"),
        ({"clean_memory_mb": "64"}, "clean_memory_mb: expected 128 to 10240, got 64"),
        ({"api_timeout_seconds": "60"}, "api_timeout_seconds: expected 1 to 29, got 60"),
        (
            {"refresh_schedule": "daily"},
            r"refresh_schedule: expected like cron\(30 0 \* \* \? \*\), or nothing, got 'daily'",
        ),
        ({"log_days": "8"}, "log_days: expected one of 1, 7, 14"),
        ({"source_hosts": "https://a.example/x"}, "source_hosts: expected host names like files.example.com"),
        ({"source_private_addresses": "10.0.0.0/8"}, "source_private_addresses: expected true or false, got '10.0"),
        ({"source_max_bytes": "0"}, "source_max_bytes: expected 1 to 83886080000, got 0"),
        ({"cors_origins": "campaigns.example"}, "cors_origins: expected origins like https://campaigns.example, or *"),
        ({"cors_origins": "https://a.example/"}, "cors_origins: .*got 'https://a.example/'"),
        ({"auth": "iam"}, "auth: the emulator checks no signatures; expected none or api_key, got 'iam'"),
        ({"stage": "dev", "kms_key": "alias/vouchers"}, "kms_key: expected a key's ARN like .*got 'alias/vouchers'"),
        ({"stage": "dev", "former_kms_keys": f"{KEY},mine"}, "former_kms_keys: expected a key's ARN like .*got 'mine'"),
        (
            {"stage": "dev", "source_kms_keys": "alias/theirs"},
            "source_kms_keys: expected a key's ARN like .*'alias/the",
        ),
        ({"stage": "dev", "deployment": "linear"}, "deployment: expected one of all_at_once, canary, got 'linear'"),
        (
            {"stage": "dev", "api_reserved_concurrency": "0"},
            "api_reserved_concurrency: expected 1 to 2147483648, got 0",
        ),
        ({"stage": "dev", "permissions_boundary": "a b"}, "permissions_boundary: expected a managed policy's name or"),
        (
            {"stage": "dev", "subnet_ids": "subnet-0a1b2c3d"},
            "subnet_ids: expected security_group_ids with it; set both, or neither",
        ),
        ({"stage": "dev", "security_group_ids": "sg-0c3d4e5f"}, "security_group_ids: expected subnet_ids with it"),
        (
            {"stage": "dev", "subnet_ids": "0a1", "security_group_ids": "sg-0c3d4e5f"},
            "subnet_ids: expected subnets like",
        ),
        (
            {"stage": "dev", "subnet_ids": "subnet-0a1b2c3d", "security_group_ids": "x"},
            "security_group_ids: expected secur",
        ),
        ({"stage": "dev", "domain_name": "vouchers.example.com"}, "domain_name: expected certificate_arn with it"),
        ({"stage": "dev", "certificate_arn": CERTIFICATE}, "certificate_arn: expected domain_name with it"),
        ({"stage": "dev", "hosted_zone_id": "Z0123"}, "hosted_zone_id: expected domain_name with it"),
        ({"stage": "dev", "alarm_email": "on call"}, "alarm_email: expected an address like on-call@example.com"),
        (
            {"stage": "dev", "alarm_email": "on-call@example.com", "monitoring": "false"},
            "alarm_email: expected monitoring with it",
        ),
        ({"stage": "dev", "most_model_age_hours": "169"}, "most_model_age_hours: expected 1 to 168, got 169"),
        (
            {"stage": "dev", "domain_name": "https://a.example", "certificate_arn": CERTIFICATE},
            "domain_name: expected a domain like vouchers.example.com, got 'https://a.example'",
        ),
        (
            {"stage": "dev", "domain_name": "a.example", "certificate_arn": "mine"},
            "certificate_arn: expected a certificate's ARN like",
        ),
        ({"stage": "dev", "waf": "yes"}, "waf: expected true or false, got 'yes'"),
        ({"stage": "dev", "waf_rate_limit": "9"}, "waf_rate_limit: expected 10 to 2000000000, got 9"),
        ({"stage": "dev", "quota_per_day": "-1"}, "quota_per_day: expected 0 to 2147483647, got -1"),
        (
            {"stage": "dev", "auth": "iam", "quota_per_day": "10"},
            "quota_per_day: a quota is counted by API key, and auth is iam; set auth=api_key",
        ),
        ({"endpoint": "localhost:4566"}, "endpoint: expected an address like https://localhost:4566"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(context, message):
    with pytest.raises(StageError, match=message):
        stage_from_context(context)


def test_segments_come_from_a_file_without_blanks(tmp_path):
    file = tmp_path / "segments.json"
    file.write_text(json.dumps({"segmentations": []}, indent=4))

    assert stage_from_context({"segments_file": str(file)}).segments == '{"segmentations":[]}'
    assert stage_from_context({}).segments == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be used"),
        ("{", "cannot be used"),
        (json.dumps("x" * 4000), "a function's environment takes 3,000"),
    ],
)
def test_segments_that_no_function_could_get_are_refused(tmp_path, content, message):
    file = tmp_path / "segments.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(StageError, match=message):
        _ = stage_from_context({"segments_file": str(file)}).segments


def test_a_stage_may_have_as_many_countries_as_a_run():
    countries = [f"Country {number}" for number in range(MOST_COUNTRIES)]

    assert len(stage_from_context({"countries": countries}).countries) == MOST_COUNTRIES
    with pytest.raises(StageError):
        stage_from_context({"countries": [*countries, "One more"]})


def test_the_contract_needs_nothing_but_the_standard_library():
    modules = [file.stem for file in CONTRACT.glob("*.py") if file.stem != "__init__"]
    program = "\n".join(f"import voucher_selection.contract.{module}" for module in modules)
    command = [sys.executable, "-S", "-I", "-c", f"import sys; sys.path.append({str(SHARED)!r})\n{program}"]

    assert len(modules) > 5
    assert subprocess.run(command, check=False).returncode == 0


def test_the_cdks_program_finds_the_contract_by_itself():
    program = "from infra_cdk.context import stage_from_context as stage; print(stage({'stage': 'dev'}).auth)"
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=inherited, capture_output=True, text=True, check=True
    )

    assert done.stdout == "api_key\n"
