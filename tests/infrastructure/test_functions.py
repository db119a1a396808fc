"""The functions: settings, code, and the rights of each."""

import json
from datetime import date

import pytest

from voucher_selection.adapters.settings import (
    ApiSettings,
    AssignSettings,
    CleanSettings,
    IngestSettings,
    ModelSettings,
    WhatIfSettings,
)
from voucher_selection.contract.functions import FUNCTIONS

SETTINGS = {
    "ingest": IngestSettings,
    "clean": CleanSettings,
    "assign": AssignSettings,
    "model": ModelSettings,
    "what_if": WhatIfSettings,
    "api": ApiSettings,
}
READ = {"s3:GetObject"}
IN_PARTS = "s3:AbortMultipartUpload"
BUCKET, TABLE = "LakeBucket", "CatalogTable"
TEXTS = f"{BUCKET}/staging/run_id=*/texts/*"


def allowed(actions, *resources):
    """Each action, with the resources that it is allowed on."""
    return {action: set(resources) for action in actions}


def construct(name):
    """The name that a function has in the stack."""
    return name.title().replace("_", "")


def environment(synthesized, name):
    return synthesized.function(name)["Environment"]["Variables"]


def test_clean_has_the_disk_of_its_setting(each_stage):
    assert each_stage.function("clean")["EphemeralStorage"] == {"Size": each_stage.stage.clean_disk_mb}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_python_3_13_with_its_own_handler(each_stage, name):
    assert each_stage.function(name)["Runtime"] == "python3.13"
    assert each_stage.function(name)["Timeout"] == getattr(each_stage.stage, f"{name}_timeout_seconds")
    assert each_stage.function(name)["MemorySize"] == getattr(each_stage.stage, f"{name}_memory_mb")


def test_ingest_is_told_the_countries_the_date_and_where_it_may_read(synthesize):
    settings = {"countries": ("Peru", "Latvia"), "source_hosts": ("a.example",), "shard_target_rows": 7}

    variables = environment(synthesize("local", **settings), "ingest")

    assert json.loads(variables["COUNTRIES"]) == ["Peru", "Latvia"]
    assert variables["CUR_DATE"] == "2018-09-15"
    assert variables["SEGMENTS"] == ""
    assert json.loads(variables["SOURCE_HOSTS"]) == ["a.example"]
    assert (variables["SHARD_TARGET_ROWS"], variables["SHARD_TARGET_BYTES"]) == ("7", "134217728")
    assert variables["BUCKET"]["Ref"].startswith(BUCKET)


def test_ingest_is_told_how_much_it_may_fetch_and_to_give_up_before_lambda_ends_it(synthesize, each_stage):
    own = {"source_private_addresses": True, "source_max_bytes": 1000, "ingest_timeout_seconds": 45}
    told = ("SOURCE_PRIVATE_ADDRESSES", "SOURCE_MAX_BYTES", "SOURCE_TIMEOUT_SECONDS")

    by_default, chosen = environment(each_stage, "ingest"), environment(synthesize("dev", **own), "ingest")

    assert [by_default[name] for name in told] == ["false", "10737418240", "540"]
    assert each_stage.function("ingest")["Timeout"] == 600
    assert [chosen[name] for name in told] == ["true", "1000", "40.5"]


def test_on_aws_the_date_is_left_to_the_day_of_the_run(dev):
    assert environment(dev, "ingest")["CUR_DATE"] == ""


def test_ingest_is_told_what_a_day_is_and_which_dates_are_none(synthesize, dev):
    own = {"time_zone": "America/Lima", "null_dates": (date(1900, 1, 1), date(9999, 12, 31))}

    chosen = environment(synthesize("dev", **own), "ingest")

    assert (environment(dev, "ingest")["TIME_ZONE"], environment(dev, "ingest")["NULL_DATES"]) == ("UTC", "[]")
    assert (chosen["TIME_ZONE"], json.loads(chosen["NULL_DATES"])) == ("America/Lima", ["1900-01-01", "9999-12-31"])


def test_definitions_of_the_deployment_reach_ingest(synthesize, tmp_path):
    file = tmp_path / "segments.json"
    file.write_text('{"segmentations": []}')

    assert environment(synthesize("dev", segments_file=file), "ingest")["SEGMENTS"] == '{"segmentations":[]}'


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_every_setting_that_it_reads_and_nothing_else(each_stage, name):
    variables = environment(each_stage, name)
    own = {variable for variable in variables if not variable.startswith("POWERTOOLS_")}

    assert own == {field.upper() for field in SETTINGS[name].model_fields}
    assert all(field.is_required() for field in SETTINGS[name].model_fields.values())
    as_text = {variable: value if isinstance(value, str) else "made by AWS" for variable, value in variables.items()}
    assert SETTINGS[name].model_validate({variable.lower(): value for variable, value in as_text.items()})


def test_model_gets_what_it_keeps_and_the_date(local):
    assert environment(local, "model")["KEPT_VERSIONS"] == "10"
    assert environment(local, "model")["CUR_DATE"] == "2018-09-15"


def test_model_is_told_the_thresholds_of_the_quality_gate(local, synthesize):
    gate = json.loads(environment(synthesize("prod", most_lost_segments=None, least_kept_rows=7), "model")["GATE"])

    assert gate == {
        "most_malformed_share": 0.05,
        "most_rejected_rise": 0.1,
        "least_kept_rows": 7,
        "most_lost_segments": None,
        "least_support_of_change": 10,
    }
    assert set(json.loads(environment(local, "model")["GATE"]).values()) == {None}


def test_the_api_asks_for_a_newer_model_every_few_seconds_and_at_once_on_this_machine(local, dev):
    assert environment(dev, "api")["MODEL_REFRESH_SECONDS"] == "5"
    assert environment(local, "api")["MODEL_REFRESH_SECONDS"] == "1"


def test_the_api_knows_who_may_call_it_and_from_whose_pages(synthesize, local):
    variables = environment(synthesize("dev", cors_origins=("https://campaigns.example",)), "api")

    assert (variables["AUTH"], variables["CORS_ORIGINS"]) == ("api_key", '["https://campaigns.example"]')
    assert (environment(local, "api")["AUTH"], environment(local, "api")["CORS_ORIGINS"]) == ("none", "[]")


@pytest.mark.parametrize("name", ["api", "ingest"])
def test_lookups_and_runs_that_assign_have_the_fallback_of_the_stage(dev, synthesize, name):
    usual, own = environment(dev, name), environment(synthesize("dev", fallback="country", least_support=30), name)

    assert (usual["FALLBACK"], usual["LEAST_SUPPORT"]) == ("none", "1")
    assert (own["FALLBACK"], own["LEAST_SUPPORT"]) == ("country", "30")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_logs_and_metrics_carry_the_functions_name(each_stage, name):
    variables = environment(each_stage, name)

    assert variables["POWERTOOLS_SERVICE_NAME"] == name
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == f"VoucherSelection-{each_stage.stage.name}"


def test_dependencies_come_in_layers_and_the_api_has_no_pandas(each_stage):
    layers = {name: len(each_stage.function(name)["Layers"]) for name in FUNCTIONS}

    assert layers == {"ingest": 2, "clean": 2, "assign": 2, "model": 2, "what_if": 2, "api": 1}
    (only,) = each_stage.function("api")["Layers"]
    assert "SharedLayer" in only["Ref"]
    for layer in each_stage.resources("AWS::Lambda::LayerVersion").values():
        assert layer["CompatibleRuntimes"] == ["python3.13"]
        assert layer["CompatibleArchitectures"] == [each_stage.stage.architecture]


def test_an_emulator_that_mounts_no_layers_can_have_functions_with_their_packages(synthesize):
    bundled = synthesize("local", packaging="bundle")

    assert not bundled.resources("AWS::Lambda::LayerVersion")
    assert not any("Layers" in bundled.function(name) for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_logs_to_its_own_group_which_expires(each_stage, name):
    group = each_stage.function(name)["LoggingConfig"]["LogGroup"]["Ref"]

    assert f"{construct(name)}Logs" in group
    assert each_stage.resources("AWS::Logs::LogGroup")[group]["RetentionInDays"] == each_stage.stage.log_days


def without_logs_and_traces(rights):
    return {action: where for action, where in rights.items() if not action.startswith(("logs:", "xray:"))}


def test_ingest_reads_uploads_and_what_is_counted_and_writes_raw_and_plans(each_stage):
    assert without_logs_and_traces(each_stage.rights("FunctionsIngestRole")) == {
        "s3:ListBucket": {BUCKET},
        **allowed(
            READ,
            *(f"{BUCKET}/{folder}/*" for folder in ("uploads", "raw", "production")),
            *([f"{BUCKET}/inbox/*"] if each_stage.stage.inbox else []),
        ),
        "s3:PutObject": {f"{BUCKET}/raw/*", f"{BUCKET}/runs/*", TEXTS},
        IN_PARTS: {f"{BUCKET}/raw/*"},
        "dynamodb:GetItem": {TABLE},
    }


def test_ingest_reads_other_buckets_only_when_they_are_named(synthesize):
    rights = synthesize("dev", source_buckets=("history",)).rights("FunctionsIngestRole")

    assert rights["s3:ListBucket"] == {BUCKET, "arn:<AWS::Partition>:s3:::history"}
    assert "arn:<AWS::Partition>:s3:::history/*" in rights["s3:GetObject"]
    assert rights["s3:PutObject"] == {f"{BUCKET}/raw/*", f"{BUCKET}/runs/*", TEXTS}


def test_clean_reads_raw_and_writes_staging_and_quarantine(each_stage):
    assert without_logs_and_traces(each_stage.rights("FunctionsCleanRole")) == {
        "s3:ListBucket": {BUCKET},
        **allowed(READ, f"{BUCKET}/raw/*", TEXTS),
        **allowed({"s3:PutObject", IN_PARTS}, f"{BUCKET}/staging/*", f"{BUCKET}/quarantine/*"),
    }


def test_assign_reads_customers_and_the_table_and_writes_their_amounts(each_stage):
    assert without_logs_and_traces(each_stage.rights("FunctionsAssignRole")) == {
        "s3:ListBucket": {BUCKET},
        **allowed(READ, f"{BUCKET}/raw/*", TEXTS, f"{BUCKET}/runs/*"),
        **allowed({"s3:PutObject", IN_PARTS}, f"{BUCKET}/assigned/*"),
        **allowed({"dynamodb:GetItem", "dynamodb:Query"}, TABLE),
    }


def test_model_reads_what_the_run_left_and_publishes(each_stage):
    table_rights = ("GetItem", "Query", "PutItem", "UpdateItem", "BatchWriteItem")

    assert without_logs_and_traces(each_stage.rights("FunctionsModelRole")) == {
        "s3:ListBucket": {BUCKET},
        **allowed(READ, *(f"{BUCKET}/{prefix}/*" for prefix in ("staging", "runs", "production", "assigned"))),
        "s3:PutObject": {f"{BUCKET}/{prefix}/*" for prefix in ("staging", "production", "runs", "assigned")},
        **{f"dynamodb:{right}": {TABLE} for right in table_rights},
    }


def test_what_if_reads_counts_and_the_table_and_writes_nothing(each_stage):
    assert without_logs_and_traces(each_stage.rights("FunctionsWhatIfRole")) == {
        "s3:ListBucket": {BUCKET},
        **allowed(READ, f"{BUCKET}/runs/*", f"{BUCKET}/production/*"),
        **allowed({"dynamodb:GetItem", "dynamodb:Query"}, TABLE),
    }


def test_the_api_reads_the_table_and_runs_asks_what_if_and_writes_nothing(dev, prod):
    states = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    for synthesized in (dev, prod):
        assert without_logs_and_traces(synthesized.rights("FunctionsApiRole")) == {
            **allowed({"dynamodb:GetItem", "dynamodb:Query"}, TABLE),
            **allowed(READ, f"{BUCKET}/runs/*"),
            "s3:ListBucket": {BUCKET},
            "lambda:InvokeFunction": {"FunctionsWhatIf:*"},
            "states:ListExecutions": {"PipelineStateMachine"},
            **allowed({"states:DescribeExecution", "states:GetExecutionHistory"}, f"{states}:execution:<name>:*"),
            "states:DescribeMapRun": {f"{states}:mapRun:<name>/*"},
        }


def test_the_api_starts_runs_only_where_the_stage_says_so(local, synthesize):
    for starting in (local, synthesize("dev", start_runs=True)):
        assert starting.rights("FunctionsApiRole")["states:StartExecution"] == {"PipelineStateMachine"}
        assert environment(starting, "api")["START_RUNS"] == "true"
    assert "states:StartExecution" not in synthesize("local", start_runs=False).rights("FunctionsApiRole")


def test_the_api_signs_for_uploads_only_where_it_starts_runs(dev, local, synthesize):
    for starting in (local, synthesize("dev", start_runs=True)):
        assert starting.rights("FunctionsApiRole")["s3:PutObject"] == {f"{BUCKET}/uploads/*"}
        assert environment(starting, "api")["UPLOAD_MAX_BYTES"] == str(5 * 1024**3)
    assert "s3:PutObject" not in dev.rights("FunctionsApiRole")


def test_addresses_for_browsers_are_those_of_the_emulator_or_of_aws(local, dev):
    assert environment(local, "api")["UPLOADS_ENDPOINT"] == local.stage.endpoint
    assert environment(dev, "api")["UPLOADS_ENDPOINT"] == ""


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        ("Api", ["runs/*"]),
        ("Clean", ["raw/*", "staging/run_id=*/texts/*"]),
        ("Assign", ["raw/*", "staging/run_id=*/texts/*", "runs/*"]),
        ("Model", ["staging/*", "quarantine/*", "production/*", "runs/*", "assigned/*"]),
        ("WhatIf", ["production/*", "runs/*"]),
    ],
)
def test_what_reads_some_objects_hears_of_missing_ones_among_those_only(each_stage, name: str, prefixes: list[str]):
    if name == "Api" and each_stage.stage.start_runs:
        prefixes = [*prefixes, "uploads/*"]
    statements = [
        statement
        for logical_id, role in each_stage.resources("AWS::IAM::Role").items()
        if logical_id.startswith(f"Functions{name}Role")
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:ListBucket"
    ]

    assert [statement["Condition"] for statement in statements] == [{"StringLike": {"s3:prefix": prefixes}}]


def test_the_api_of_the_emulator_knows_its_address(local, dev):
    assert environment(local, "api")["PUBLIC_URL"] == local.json["Outputs"]["ApiUrl"]["Value"]
    assert environment(dev, "api")["PUBLIC_URL"] == ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_writes_to_its_own_logs_only(each_stage, name):
    rights = each_stage.rights(f"Functions{construct(name)}Role")

    assert {action: where for action, where in rights.items() if action.startswith("logs:")} == {
        "logs:CreateLogStream": {f"Functions{construct(name)}Logs"},
        "logs:PutLogEvents": {f"Functions{construct(name)}Logs"},
    }


def test_only_what_has_no_resources_is_allowed_on_all_of_them(each_stage):
    for role, properties in each_stage.resources("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Resource"] == "*":
                    actions = statement["Action"]
                    assert all(action.startswith(("xray:", "logs:")) for action in actions), role


def test_no_role_has_a_policy_that_aws_manages_except_api_gateways_log_role_and_code_deploys(each_stage):
    managed = {
        role: properties["ManagedPolicyArns"]
        for role, properties in each_stage.resources("AWS::IAM::Role").items()
        if properties.get("ManagedPolicyArns") and not role.startswith("CustomS3AutoDelete")
    }

    assert not any("AdministratorAccess" in json.dumps(arns) for arns in managed.values())
    assert {role.rstrip("0123456789ABCDEF") for role in managed} <= {
        "ApiRestApiCloudWatchRole",
        "FunctionsCanaryGroupServiceRole",
    }
