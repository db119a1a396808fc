"""The whole contract, in the form of the Open Data Contract Standard (ODCS): https://bitol.io."""

from typing import Any

import yaml

from local.quickstart.project.data_contract import inputs, outputs
from voucher_selection.contract.bucket import ASSIGNED, PRODUCTION, QUARANTINE, STAGING, VOUCHERS

type Json = dict[str, Any]

# A major version if a file that kept the contract before may break it, or a reader of an output may fail.
_VERSION = "1.0.0"
_NOTE = "# Made from the code by ./quickstart docs --generate; changes here are lost.\n"
_LINE = 120


def text() -> str:
    """Return the contract as YAML."""
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "voucher-selection",
        "name": "Voucher Selection",
        "version": _VERSION,
        "status": "active",
        "description": {
            "purpose": "The voucher amount used most in each customer segment, by country.",
            "usage": "Send a history or a file of customers; read what the runs write.",
            "limitations": "Amounts are in the currency of their country: do not add them up over countries.",
        },
        "servers": _servers(),
        "schema": [*inputs.schemas(), *outputs.schemas()],
    }
    return _NOTE + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_LINE)


def _servers() -> list[Json]:
    """Return where data of the contract is: files to send, folders of the bucket, and views in a database."""
    sent = [
        {
            "server": f"{form}-file",
            "type": "local",
            "description": "A history or a file of customers, before it is sent.",
            "path": "${FILE}",
            "format": form,
        }
        for form in ("parquet", "csv")
    ]
    written = {
        "staging": (f"{STAGING}/run_id=*/{{model}}/*.parquet", "The schema `cleaned`."),
        "production": (f"{PRODUCTION}/run_id=*/{{model}}/*.parquet", "The schemas `counts` and `segment_modes`."),
        "quarantine": (f"{QUARANTINE}/run_id=*/rule=*/*.parquet", "The schema `quarantine`."),
        "assigned": (f"{ASSIGNED}/run_id=*/{VOUCHERS}/*.parquet", "The schemas `assigned` and `assigned_text_ids`."),
    }
    return [
        *sent,
        *(
            {
                "server": name,
                "type": "s3",
                "description": said,
                "location": f"s3://${{BUCKET}}/{location}",
                "format": "parquet",
            }
            for name, (location, said) in written.items()
        ),
        {
            "server": "database",
            "type": "duckdb",
            "description": "A view of each schema's files. Only here does `datacontract test` compare types.",
            "database": "${DATABASE}",
            "schema": "main",
        },
    ]


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, and each value where it is used, without references."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the dumper's own signature
        return True


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _represent_text)
