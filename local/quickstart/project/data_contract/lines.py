"""The lines of the contract on which the columns of what is sent begin, for messages about a file without them."""

import json

import yaml

from voucher_selection.domain.data_contract import CUSTOMERS, HISTORY


def text(contract: str) -> str:
    """Return the line of each column by its schema, as JSON; `contract` is the contract's YAML."""
    document = _keys(yaml.compose(contract))
    schemas = {_name(schema): schema for schema in document["schema"].value}
    lines = {name: _lines(schemas[name]) for name in (HISTORY, CUSTOMERS)}
    return json.dumps(lines, indent=2) + "\n"


def _lines(schema: yaml.Node) -> dict[str, int]:
    return {_name(column): column.start_mark.line + 1 for column in _keys(schema)["properties"].value}


def _keys(node: yaml.Node | None) -> dict[str, yaml.Node]:
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - the contract's own form
    return {key.value: value for key, value in node.value}


def _name(node: yaml.Node) -> str:
    return str(_keys(node)["name"].value)
