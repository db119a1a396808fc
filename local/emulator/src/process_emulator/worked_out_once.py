"""What LocalStack and its libraries work out again and again, worked out once or not at all.

Each of these took up to a third of the emulator's processor time, in its start or in an execution.
"""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_PATHS = 10_000
_MOST_DEFINITIONS = 100
_MOST_CONTENT_TYPES = 1_000


def read_models_once() -> None:
    """Share what botocore reads of each service: every session would read its files again."""
    from botocore import session  # noqa: PLC0415

    session.create_loader = functools.cache(session.create_loader)


def make_no_addresses() -> None:
    """Let a route compile what makes addresses of it only when it is used, which is never: routes are only matched."""
    from werkzeug.routing import Rule  # noqa: PLC0415

    compiled: Callable[[Rule, bool], Any] = Rule._compile_builder

    def when_used(of: Rule, append_unknown: bool = True) -> Any:  # noqa: FBT001, FBT002 - as werkzeug calls it
        def build(rule: Rule, **values: Any) -> Any:
            return compiled(of, append_unknown).__get__(rule, None)(**values)

        return build

    Rule._compile_builder = when_used  # type: ignore[method-assign, assignment]


def parse_content_types_once() -> None:
    """Keep every media type that Twisted has parsed: it makes an e-mail of the header of each request."""
    from twisted.web import http  # noqa: PLC0415

    http._parseContentType = functools.lru_cache(_MOST_CONTENT_TYPES)(http._parseContentType)


@contextmanager
def without_batch() -> Iterator[None]:
    """Import Step Functions without moto's AWS Batch and EC2: it uses one list of words, and they read megabytes."""
    import moto  # noqa: PLC0415

    package = ModuleType("moto.batch")
    package.__path__ = [f"{folder}/batch" for folder in moto.__path__]
    sys.modules["moto.batch"] = package
    try:
        yield
    finally:
        del sys.modules["moto.batch"]  # who asks for AWS Batch gets all of it


def parse_paths_once() -> None:
    """Keep every path that Step Functions has parsed; a parsed path is not changed by its use.

    jsonpath-ng makes the tables of its grammar again for each path, and an execution evaluates paths in every state.
    """
    from localstack.services.stepfunctions.asl.component.common.path import result_path  # noqa: PLC0415
    from localstack.services.stepfunctions.asl.utils import json_path  # noqa: PLC0415

    for module in (json_path, result_path):
        module.parse = functools.lru_cache(_MOST_PATHS)(module.parse)


def make_one_client_for_addresses() -> None:
    """Share the client that signs the address of a function's code: each answer to GetFunction would make another."""
    import boto3  # noqa: PLC0415
    from localstack.services.lambda_.invocation import lambda_models  # noqa: PLC0415

    lambda_models.boto3 = SimpleNamespace(client=functools.cache(boto3.client))


def parse_definitions_once() -> None:
    """Keep the syntax tree of every state machine; each execution makes its own states of it."""
    from localstack.services.stepfunctions.asl.parse import asl_parser  # noqa: PLC0415

    parser = asl_parser.AmazonStateLanguageParser
    parsed: Callable[[str], tuple[Any, Any]] = parser.parse

    @functools.lru_cache(_MOST_DEFINITIONS)
    def tree_of(definition: str) -> Any:
        return parsed(definition)[1]

    def parse(definition: str) -> tuple[Any, Any]:
        tree = tree_of(definition)
        return asl_parser.Preprocessor().visit(tree), tree

    parser.parse = staticmethod(parse)
