"""What the quickstart remembers between two commands: the emulator's process and what is deployed to it."""

import json
from pathlib import Path

from pydantic import BaseModel, ValidationError

from local.quickstart.machine.private_files import write_private


class EmulatorProcess(BaseModel):
    """The process that was started, and the port it was given."""

    pid: int
    port: int


class Deployment(BaseModel):
    """What `cdk deploy` put out, and a fingerprint of what it was made from.

    `deployed_settings` are those it was given, of a file what is in it; None is of a version that kept none.
    `api_key` is what the API wants as `x-api-key`; None where everybody may call it.
    """

    fingerprint: str
    deployed_settings: dict[str, str] | None = None
    api_url: str
    state_machine_arn: str
    bucket: str
    table: str
    api_key: str | None = None


class Record(BaseModel):
    """The whole of it."""

    emulator: EmulatorProcess | None = None
    deployment: Deployment | None = None

    @classmethod
    def read(cls, state: Path) -> "Record":
        """Read the record of a workspace; an empty one where there is none, or none that can be read."""
        try:
            return cls.model_validate_json((state / "record.json").read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            return cls()

    def write(self, state: Path) -> None:
        """Write the record in one move, for its owner alone: it holds the API's key."""
        write_private(state / "record.json", json.dumps(self.model_dump(), indent=1))
