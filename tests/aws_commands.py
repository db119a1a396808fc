"""Commands of the AWS CLI that pages show, as the calls that they are."""

import json
import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, Self

import boto3
import jmespath
from botocore import xform_name
from botocore.model import Shape

_WAIT = "wait"
_SERVICES = {"s3api": "s3"}  # where the CLI has another name than boto3


class AwsCommand(NamedTuple):
    """A command: its service and operation, its parameters as boto3 takes them, and what it selects of the answer."""

    service: str
    operation: str
    parameters: dict[str, Any]
    query: str | None
    waits: bool

    @classmethod
    def of(cls, line: str) -> Self:
        """Read a command; fail if the service has no such operation or parameter, or cannot read a value."""
        _, named, operation, *options = shlex.split(line)
        service = _SERVICES.get(named, named)
        waits = operation == _WAIT
        if waits:
            operation, *options = options
        client = boto3.client(service)
        method = operation.replace("-", "_")
        called = client.get_waiter(method).config.operation if waits else client.meta.method_to_api_mapping[method]
        shape = client.meta.service_model.operation_model(called).input_shape
        given = dict(_options(options))
        query = given.pop("query", [None])[0]
        members = {xform_name(name, "-"): name for name in shape.members}
        parameters = {members[name]: _read(shape.members[members[name]], words) for name, words in given.items()}
        client._serializer.serialize_to_request(parameters, client.meta.service_model.operation_model(called))
        return cls(service, method, parameters, query, waits)

    def call(self) -> Any:
        """Call the service, and return what the command prints."""
        client = boto3.client(self.service)
        if self.waits:
            return client.get_waiter(self.operation).wait(**self.parameters)
        answer = getattr(client, self.operation)(**self.parameters)
        printed = json.loads(json.dumps(answer, default=datetime.isoformat))
        return jmespath.search(self.query, printed) if self.query else printed


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    name, values = "", list[str]()
    for word in [*words, "--"]:
        if word.startswith("--"):
            if name:
                yield name, values
            name, values = word[2:], []
        else:
            values.append(word)


def _read(shape: Shape, words: list[str]) -> Any:
    """Read an option's words as the CLI does: a flag, JSON, the short form `Name=value,…`, or a text."""
    if shape.type_name == "list":
        return [_read(shape.member, [word]) for word in words]
    if not words:
        assert shape.type_name == "boolean", shape
        return True
    (word,) = words
    if shape.type_name == "structure":
        pairs = (pair.split("=", 1) for pair in word.split(","))
        return {name: _read(shape.members[name], [value]) for name, value in pairs}
    return json.loads(word) if shape.type_name in {"boolean", "integer"} else word
