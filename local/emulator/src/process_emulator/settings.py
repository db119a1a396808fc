"""The emulator's settings: declared once, read from the command line, handed to plugins in the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PROCESS_EMULATOR_"
HOST = "127.0.0.1"


class Isolation(StrEnum):
    """How a function sees the file system: `auto` mounts privately where the system allows it, `plain` never does."""

    AUTO = "auto"
    PLAIN = "plain"


@dataclass(frozen=True)
class Settings:
    """What one emulator runs with; all paths are absolute.

    `state` holds everything that it writes, except for the unzipped functions: these are in `code_cache`, which may be
    shared with other emulators. `environments` is how many execution environments of functions there are at most; one
    function has half. `lambda_python` is the interpreter of an environment that has `awslambdaric`. `load` names
    services that are loaded before they are asked.
    """

    port: int
    state: Path
    lambda_python: Path
    code_cache: Path
    isolation: Isolation = Isolation.AUTO
    environments: int = 16
    load: tuple[str, ...] = ()

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads."""
        return {
            f"{PREFIX}PORT": str(self.port),
            f"{PREFIX}STATE": str(self.state),
            f"{PREFIX}LAMBDA_PYTHON": str(self.lambda_python),
            f"{PREFIX}CODE_CACHE": str(self.code_cache),
            f"{PREFIX}ISOLATION": self.isolation.value,
            f"{PREFIX}ENVIRONMENTS": str(self.environments),
            f"{PREFIX}LOAD": ",".join(self.load),
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read what `to_environment` wrote; KeyError names the variable that is missing."""
        return cls(
            port=int(environment[f"{PREFIX}PORT"]),
            state=Path(environment[f"{PREFIX}STATE"]),
            lambda_python=Path(environment[f"{PREFIX}LAMBDA_PYTHON"]),
            code_cache=Path(environment[f"{PREFIX}CODE_CACHE"]),
            isolation=Isolation(environment[f"{PREFIX}ISOLATION"]),
            environments=int(environment[f"{PREFIX}ENVIRONMENTS"]),
            load=tuple(filter(None, environment[f"{PREFIX}LOAD"].split(","))),
        )
