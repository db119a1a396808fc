"""Tables of Glue over what runs write, which Athena queries in SQL."""

from collections.abc import Mapping
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from voucher_selection.contract.bucket import ASSIGNED, COUNTS, MODES, PRODUCTION, QUARANTINE, VOUCHERS, run_folder
from voucher_selection.contract.rule_names import Rule


class _Table(NamedTuple):
    """A table: its folder for a run, its columns with Hive's types, and the values of partitions besides `run_id`."""

    description: str
    folder: str
    columns: Mapping[str, str]
    partitions: Mapping[str, tuple[str, ...]] = {}


def _of_run(prefix: str, folder: str) -> str:
    """Return a folder of a run, with the places where Athena puts the values of partitions."""
    return f"{run_folder(prefix, '${run_id}')}/{folder}/"


def _assigned(customer_id: str, description: str) -> _Table:
    """Return the table of customers' amounts whose ids have this type: each run has ids of one type."""
    columns = ("country_code", "segment_name", "segment", "voucher_amount", "problem", "basis")
    types = dict.fromkeys(columns, "string") | {"voucher_amount": "double"}
    return _Table(description, _of_run(ASSIGNED, VOUCHERS), {"customer_id": customer_id} | types)


_TABLES: Mapping[str, _Table] = {
    "counts": _Table(
        "The counts of a run: kept assignments by country, day, measure, value and amount.",
        _of_run(PRODUCTION, COUNTS),
        {
            "country_code": "string",
            "assigned_on": "date",
            "measure": "string",
            "value": "bigint",
            "voucher_amount": "double",
            "rows": "bigint",
        },
    ),
    "segment_modes": _Table(
        "The model of a run: the amount used most in each segment, and how often each amount was used.",
        _of_run(PRODUCTION, MODES),
        {
            "country_code": "string",
            "segment_name": "string",
            "segment": "string",
            "lower": "bigint",
            "upper": "bigint",
            "voucher_amount": "double",
            "support": "bigint",
            "share": "double",
            "assignments": "array<struct<voucher_amount:double,count:bigint>>",
        },
    ),
    "quarantine": _Table(
        "The rejected rows of a run, as text, by the rule that they break.",
        _of_run(QUARANTINE, "rule=${rule}"),
        {
            "timestamp": "string",
            "country_code": "string",
            "last_order_ts": "string",
            "first_order_ts": "string",
            "total_orders": "string",
            "voucher_amount": "string",
            "file": "string",
            "row": "bigint",
        },
        {"rule": tuple(rule.value for rule in Rule)},
    ),
    "assigned": _assigned("bigint", "The amounts of an assign run whose customers' ids are numbers."),
    "assigned_text_ids": _assigned("string", "The amounts of an assign run whose customers' ids are text."),
}

_PARQUET = glue.CfnTable.SerdeInfoProperty(
    serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
)


class Tables(Construct):
    """A database, named like the stack, with a table for each kind of parquet file that runs write for readers.

    Athena computes the partitions from the run that a query names (partition projection). So no run registers any.
    """

    def __init__(self, scope: Construct, construct_id: str, *, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self.database = stack.stack_name.lower().replace("-", "_")
        self._bucket = bucket
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=stack.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description=f"What the runs of {stack.stack_name} wrote"
            ),
        )
        for name, table in _TABLES.items():
            self._table(name, table).node.add_dependency(database)

    def _table(self, name: str, table: _Table) -> glue.CfnTable:
        # injected: only the query knows the values
        projection = {"projection.enabled": "true", "projection.run_id.type": "injected"}
        for partition, values in table.partitions.items():
            projection |= {
                f"projection.{partition}.type": "enum",
                f"projection.{partition}.values": ",".join(values),
            }
        return glue.CfnTable(
            self,
            name.title().replace("_", ""),
            catalog_id=cdk.Stack.of(self).account,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                description=table.description,
                table_type="EXTERNAL_TABLE",
                partition_keys=_columns(dict.fromkeys(("run_id", *table.partitions), "string")),
                parameters={
                    "classification": "parquet",
                    **projection,
                    "storage.location.template": self._bucket.s3_url_for_object(table.folder),
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=_columns(table.columns),
                    location=self._bucket.s3_url_for_object(f"{table.folder.partition('/')[0]}/"),
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=_PARQUET,
                ),
            ),
        )


def _columns(types: Mapping[str, str]) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=kind) for name, kind in types.items()]
