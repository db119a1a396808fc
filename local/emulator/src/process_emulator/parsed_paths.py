"""Paths of states, each parsed once.

jsonpath-ng makes the tables of its grammar anew for each path that it parses. An execution evaluates its paths again in
every state, and that took a third of the emulator's processor time.
"""

from __future__ import annotations

import functools

_MOST_PATHS = 10_000


def parse_once() -> None:
    """Keep every path that Step Functions has parsed; a parsed path is not changed by its use."""
    from localstack.services.stepfunctions.asl.component.common.path import result_path  # noqa: PLC0415
    from localstack.services.stepfunctions.asl.utils import json_path  # noqa: PLC0415

    for module in (json_path, result_path):
        module.parse = functools.lru_cache(_MOST_PATHS)(module.parse)
