"""Tables of Glue, and a table of models in the place of the stack's own: both only where a stage says so."""

from typing import Any

import pytest

from local.quickstart.project.data_contract import outputs
from tests.glue_tables import GlueTable, glue_tables, template_of_tables
from tests.infrastructure.conftest import Synthesized, plain
from tests.infrastructure.test_lint import findings


@pytest.fixture(scope="module")
def chosen(synthesize) -> Synthesized:
    return synthesize("dev", tables=True, restored_table="models-of-friday")


def test_no_stage_has_tables_unless_it_says_so(each_stage):
    assert not [name for name in each_stage.json["Resources"] if name.startswith("Tables")]


def test_the_tables_are_over_the_stage_s_bucket_in_a_database_named_like_the_stack(chosen):
    tables = [table["TableInput"] for table in chosen.resources("AWS::Glue::Table").values()]

    assert chosen.only("AWS::Glue::Database")["DatabaseInput"]["Name"] == "voucherselection_dev"
    assert chosen.json["Outputs"]["GlueDatabase"]["Value"] == "voucherselection_dev"
    assert {table["Name"]: plain(table["Parameters"]["storage.location.template"]) for table in tables} == {
        "counts": "s3://LakeBucket/production/run_id=${run_id}/counts/",
        "segment_modes": "s3://LakeBucket/production/run_id=${run_id}/segment_modes/",
        "quarantine": "s3://LakeBucket/quarantine/run_id=${run_id}/rule=${rule}/",
        "assigned": "s3://LakeBucket/assigned/run_id=${run_id}/vouchers/",
        "assigned_text_ids": "s3://LakeBucket/assigned/run_id=${run_id}/vouchers/",
    }


def test_cloudformation_accepts_the_tables():
    assert findings(template_of_tables("lake").to_json()) == []


HIVE_TYPES = {"varchar": "string", "bigint": "bigint", "double": "double", "date": "date"}


def hive_type(described: dict[str, Any]) -> str:
    """The type of what the data contract describes, as Hive names it."""
    if described["logicalType"] == "array":
        return f"array<{hive_type(described['items'])}>"
    if described["logicalType"] == "object":
        return f"struct<{','.join(f'{field["name"]}:{hive_type(field)}' for field in described['properties'])}>"
    return HIVE_TYPES[described["physicalType"]]


def as_table(schema: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The columns of a schema of the data contract, and the parts of its path."""
    columns = {each["name"]: hive_type(each) for each in schema["properties"] if not each.get("partitioned")}
    return columns, [each["name"] for each in schema["properties"] if each.get("partitioned")]


def test_the_data_contract_describes_each_table_with_its_columns_and_partitions():
    tables: dict[str, GlueTable] = glue_tables("lake")
    described = {schema["name"]: schema for schema in outputs.schemas()}

    assert described.keys() - tables.keys() == {"cleaned"}
    for name, table in tables.items():
        assert as_table(described[name]) == (table.columns, list(table.projected)), name


def test_functions_use_the_restored_table_and_the_stack_s_own_stays_as_it_is(chosen, dev):
    named = {
        function["Environment"]["Variables"]["TABLE"]
        for function in chosen.resources("AWS::Lambda::Function").values()
        if "TABLE" in function.get("Environment", {}).get("Variables", {})
    }
    restored = "arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/models-of-friday"

    assert named == {"models-of-friday"}
    assert chosen.json["Outputs"]["TableName"]["Value"] == "models-of-friday"
    assert chosen.template.find_resources("AWS::DynamoDB::Table") == dev.template.find_resources("AWS::DynamoDB::Table")
    for role in ("FunctionsModelRole", "FunctionsApiRole"):
        assert {action: where for action, where in chosen.rights(role).items() if action.startswith("dynamodb:")} == {
            action: {restored} for action in dev.rights(role) if action.startswith("dynamodb:")
        }
