"""The folder in which the quickstart keeps its files, and how it reaches the emulator."""

import configparser
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from local.quickstart.machine.private_files import make_private

if TYPE_CHECKING:
    from boto3 import Session

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / ".tools"
REGION = "us-east-1"
ACCOUNT = "000000000000"
STAGE = "local"
_THIS_MACHINE = ("127.0.0.1", "localhost", ".localhost")
_NOT_INHERITED = ("AWS_", "BOTO", "PYTHON", "VIRTUAL_ENV", "CONDA_")
_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 20


class Key(NamedTuple):
    """An access key that the emulator accepts."""

    access_key_id: str
    secret_access_key: str


_NO_KEY = Key("none", "none")


@dataclass(frozen=True)
class Workspace:
    """One emulator with its deployment.

    Attributes
    ----------
    state
        The folder of its logs, the emulator's files, and the record of the deployment: the environment variable
        `VOUCHER_SELECTION_STATE`, or `.local` in the project.
    port
        The port that the emulator listens on.
    """

    state: Path
    port: int

    @classmethod
    def at(cls, port: int) -> "Workspace":
        """Return the workspace in its folder, which is closed to others: it holds keys."""
        state = cls.folder()
        make_private(state)
        return cls(state, port)

    @staticmethod
    def folder() -> Path:
        """Return the folder of the workspace, which may not exist yet."""
        return Path(os.environ.get("VOUCHER_SELECTION_STATE") or ROOT / ".local").absolute()

    @property
    def endpoint_url(self) -> str:
        """The emulator's address for AWS clients; an IP address, so that S3's addresses are path-style."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_url(self) -> str:
        """The emulator's address for people and callers of the API."""
        return f"https://localhost:{self.port}"

    @property
    def emulator_state(self) -> Path:
        """The folder of the emulator's files."""
        return self.state / "emulator"

    @property
    def key(self) -> Key:
        """The key of the emulator that started last; before the first start, a key that no emulator accepts.

        It is read each time, because every start of the emulator makes another key.
        """
        written = configparser.RawConfigParser()
        written.read(self.emulator_state / "credentials", encoding="utf-8")
        if "default" not in written:
            return _NO_KEY
        return Key(written["default"]["aws_access_key_id"], written["default"]["aws_secret_access_key"])

    @cached_property
    def session(self) -> "Session":
        """The session that makes AWS clients; `client` gives each the emulator's address.

        It ignores the user's AWS variables, AWS files and proxies.
        """
        import boto3  # noqa: PLC0415 - completing a word needs no AWS
        from botocore.config import Config  # noqa: PLC0415
        from botocore.session import Session as Core  # noqa: PLC0415

        # Every setting of botocore keeps its default: neither variables nor files are read.
        alone = {name: (None, None, *rest) for name, (_, _, *rest) in Core.SESSION_VARIABLES.items()}
        alone |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        core = Core(session_vars=alone)
        core.set_default_client_config(
            Config(
                proxies={},
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_ANSWER_SECONDS,
                retries={"mode": "standard", "max_attempts": 3},
            )
        )
        return boto3.Session(*self.key, region_name=REGION, botocore_session=core)

    def client(self, service: str) -> Any:  # noqa: ANN401 - the caller types it
        """Return a client of a service of the emulator."""
        make: Any = self.session.client  # typed for names that are literals
        return make(service, endpoint_url=self.endpoint_url)

    def log(self, name: str) -> Path:
        """Return the log of a step."""
        return self.state / f"{name}.log"

    @property
    def inherited_environment(self) -> dict[str, str]:
        """The part of the user's environment that programs of the emulator get.

        Variables of AWS are left out, because a deployment to the emulator must not reach the user's AWS; variables of
        Python too (without byte code a synthesis takes twice as long). Proxies stay, for downloads from registries;
        requests to this machine go directly.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        direct = ",".join(filter(None, (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), *_THIS_MACHINE)))
        return kept | {"NO_PROXY": direct, "no_proxy": direct}

    @property
    def variables(self) -> dict[str, str]:
        """The variables with which AWS's programs use the emulator: its key, region and address."""
        return {
            "AWS_ACCESS_KEY_ID": self.key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment of commands that use the emulator: our tools first, and its variables."""
        tools = [ROOT / ".venv/bin", ROOT / "local/cdk/node_modules/.bin"]
        return self.inherited_environment | {
            "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
            **self.variables,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
