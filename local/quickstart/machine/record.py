"""The record that the quickstart keeps between two commands: the emulator's process, and the deployment on it."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from local.quickstart.machine.private_files import write_private


@dataclass
class EmulatorProcess:
    """The emulator's process, and its port."""

    pid: int
    port: int


@dataclass(kw_only=True)
class Deployment:
    """The outputs of `cdk deploy`, and a fingerprint of what was deployed.

    `deployed_settings` are the settings that were given, with the content of files; None if an older version deployed
    it, which kept none. `api_key` is the value of `x-api-key`; None where everybody may call the API.
    """

    fingerprint: str
    deployed_settings: dict[str, str] | None = None
    api_url: str
    state_machine_arn: str
    bucket: str
    table: str
    api_key: str | None = None


@dataclass
class Record:
    """The whole record."""

    emulator: EmulatorProcess | None = None
    deployment: Deployment | None = None

    @classmethod
    def read(cls, state: Path) -> "Record":
        """Read the record of a workspace; an empty one if it does not exist or cannot be read."""
        try:
            kept = json.loads((state / "record.json").read_text(encoding="utf-8"))
            return cls(_part(EmulatorProcess, kept["emulator"]), _part(Deployment, kept["deployment"]))
        except (OSError, ValueError, TypeError, KeyError):
            return cls()

    def write(self, state: Path) -> None:
        """Write the record in one move, for its owner alone: it holds the API's key."""
        write_private(state / "record.json", json.dumps(asdict(self), indent=1))


def _part[Part: EmulatorProcess | Deployment](kind: type[Part], kept: dict[str, Any] | None) -> Part | None:
    """Return a part of the record, without what another version kept in it."""
    if kept is None:
        return None
    return kind(**{each.name: kept[each.name] for each in fields(kind) if each.name in kept})
