"""The tables that a stage lays over its lake, as Glue gets them."""

from typing import Any, NamedTuple, Self

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from infra_cdk.tables import Tables


class GlueTable(NamedTuple):
    """A table: its columns with Hive's types, where a partition's files are, and each partition's projected values."""

    name: str
    columns: dict[str, str]
    template: str
    projected: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, table: dict[str, Any]) -> Self:
        """Read the input of a table."""
        parameters = table["Parameters"]
        assert parameters["projection.enabled"] == "true"
        projected = {}
        for partition in (key["Name"] for key in table["PartitionKeys"]):
            is_enum = parameters[f"projection.{partition}.type"] == "enum"
            values = parameters[f"projection.{partition}.values"].split(",") if is_enum else ()
            projected[partition] = tuple(values)
        columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
        return cls(table["Name"], columns, parameters["storage.location.template"], projected)

    def folders(self, run_id: str) -> list[str]:
        """Where Athena looks for the files of a run."""
        found = [self.template.replace("${run_id}", run_id)]
        for partition, values in self.projected.items():
            found = [f.replace(f"${{{partition}}}", value) for f in found for value in values] if values else found
        return found


def template_of_tables(bucket: str) -> Template:
    """A template with the tables over a bucket, and nothing else."""
    stack = cdk.Stack(cdk.App(), "VoucherSelection-dev")
    Tables(stack, "Tables", bucket=s3.Bucket.from_bucket_name(stack, "Bucket", bucket))
    return Template.from_stack(stack)


def glue_tables(bucket: str) -> dict[str, GlueTable]:
    """The tables over a bucket, by name."""
    found = template_of_tables(bucket).find_resources("AWS::Glue::Table").values()
    tables = [GlueTable.of(resource["Properties"]["TableInput"]) for resource in found]
    return {table.name: table for table in tables}
