"""The record that the quickstart keeps between two commands: the emulator's process, and the deployment on it."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from local.quickstart.machine.private_files import write_private


class EmulatorProcess(BaseModel):
    """The emulator's process, and its port."""

    pid: int
    port: int


class Deployment(BaseModel):
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


class Record(BaseModel):
    """The whole record."""

    emulator: EmulatorProcess | None = None
    deployment: Deployment | None = None

    @classmethod
    def read(cls, state: Path) -> "Record":
        """Read the record of a workspace; an empty one if it does not exist or cannot be read."""
        try:
            return cls.model_validate_json((state / "record.json").read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            return cls()

    def write(self, state: Path) -> None:
        """Write the record in one move, for its owner alone: it holds the API's key."""
        write_private(state / "record.json", self.model_dump_json(indent=1))
