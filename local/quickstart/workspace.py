"""Where the quickstart keeps things, and how it reaches the emulator."""

import configparser
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local.quickstart.private_files import make_private

if TYPE_CHECKING:
    from boto3 import Session

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
REGION = "us-east-1"
ACCOUNT = "000000000000"
STAGE = "local"


class Key(NamedTuple):
    """The access key that the emulator takes."""

    access_key_id: str
    secret_access_key: str


_NO_KEY = Key("none", "none")


@dataclass(frozen=True)
class Workspace:
    """One emulator with its deployment.

    Attributes
    ----------
    state
        Folder of everything that belongs to it: logs, the emulator's files, what was deployed. Environment variable
        `VOUCHER_SELECTION_STATE`, by default `.local` in the project.
    port
        The port it listens on.
    """

    state: Path
    port: int

    @classmethod
    def at(cls, port: int) -> "Workspace":
        """Return the workspace of this project, or of the folder that the environment names.

        Raises
        ------
        StepError
            The folder is shared with others: it holds keys.
        """
        state = Path(os.environ.get("VOUCHER_SELECTION_STATE") or ROOT / ".local").absolute()
        make_private(state)
        return cls(state, port)

    @property
    def endpoint_url(self) -> str:
        """The emulator's address for AWS clients; an IP, so that S3's are path-style."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_url(self) -> str:
        """The emulator's address for people and for callers of the API."""
        return f"https://localhost:{self.port}"

    @property
    def emulator_state(self) -> Path:
        """Where the emulator keeps its files."""
        return self.state / "emulator"

    @property
    def key(self) -> Key:
        """The key of the emulator that was started last; one that no emulator takes where there is none yet.

        It is read each time: every start of the emulator makes another.
        """
        written = configparser.RawConfigParser()
        written.read(self.emulator_state / "credentials", encoding="utf-8")
        if "default" not in written:
            return _NO_KEY
        return Key(written["default"]["aws_access_key_id"], written["default"]["aws_secret_access_key"])

    @cached_property
    def session(self) -> "Session":
        """AWS clients are made with it, each with `endpoint_url`, once the emulator is up."""
        import boto3  # noqa: PLC0415 - completing a word needs no AWS

        return boto3.Session(*self.key, region_name=REGION)

    def log(self, name: str) -> Path:
        """Return the log of a step."""
        return self.state / f"{name}.log"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of commands that talk to the emulator: our tools first, its address, its credentials."""
        tools = [ROOT / ".venv/bin", ROOT / "local/cdk/node_modules/.bin"]
        # Nothing of the user's AWS: a deployment to the emulator must not reach it. Byte code halves a synthesis.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name == "AWS_CA_BUNDLE" or not name.startswith(("AWS_", "PYTHONDONTWRITEBYTECODE"))
        }
        return inherited | {
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
