"""The settings of a deployment as its stack keeps them, so that the next deployment can start from them.

They are an output of the stack: they exist as long as the stack, and everyone with access to it can read them. None of
them is a secret.
"""

import hashlib
import json

from infra_cdk.stages import SETTINGS, Stage

OUTPUT = "Settings"
"""The name of the output."""


def recorded(stage: Stage) -> dict[str, str]:
    """Return the settings that a deployment names, as the command line takes them; a file as its content.

    The endpoint is left out: each deployment gets its own.

    Raises
    ------
    StageError
        The file cannot be used.
    """
    return {
        setting.name: stage.segments if setting.name == "segments_file" else as_given(getattr(stage, setting.name))
        for setting in SETTINGS
        if setting.name in stage.given and setting.name != "endpoint"
    }


def written(stage: Stage) -> str:
    """Return the output's value: JSON in ASCII, since CloudFormation puts question marks for other characters."""
    return json.dumps(recorded(stage), separators=(",", ":"))


def read(value: str) -> dict[str, str]:
    """Return the settings of an output.

    Raises
    ------
    ValueError
        The output has no settings.
    """
    found = json.loads(value)
    if not isinstance(found, dict):
        raise ValueError(f"expected settings by name, got {value}")  # noqa: TRY004 - the stack's fault, not the caller's
    return {str(name): str(text) for name, text in found.items()}


def digest(stage: Stage) -> str:
    """Return a text that differs for different settings."""
    return hashlib.sha256(written(stage).encode()).hexdigest()[:16]


def as_given(value: object) -> str:
    """Return a setting as the command line takes it; an empty text if it is not set."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(map(str, value))
        case float():
            return repr(value).removesuffix(".0")
        case _:
            return str(value)
