"""The platforms that the functions run on: Lambda's, or this machine."""

import platform as host
from typing import Literal

from layers.build.errors import BuildError

type Architecture = Literal["x86_64", "arm64"]
type Platform = str
"""What the wheels of an archive run on, as uv's `--python-platform` names it."""

_MACHINES: dict[Architecture, str] = {"x86_64": "x86_64", "arm64": "aarch64"}
"""The architectures as wheels name them."""


def lambda_platform(architecture: Architecture) -> Platform:
    """Return Lambda's platform: Amazon Linux 2023, whose glibc runs every manylinux_2_28 wheel."""
    return f"{_MACHINES[architecture]}-manylinux_2_28"


def host_architecture() -> Architecture:
    """Return this machine's architecture as Lambda names it.

    Raises
    ------
    BuildError
        The machine is neither x86-64 nor 64-bit ARM.
    """
    machine = host.machine().lower()
    if machine in {"x86_64", "amd64"}:
        return "x86_64"
    if machine in {"arm64", "aarch64"}:
        return "arm64"
    raise BuildError(
        f"Lambda runs on x86_64 and arm64; this machine is {machine!r}. Name one: --set architecture=x86_64"
    )


def host_platform() -> Platform:
    """Return the platform of functions that run as processes of this machine: Linux (glibc) or macOS."""
    architecture = host_architecture()
    return f"{_MACHINES[architecture]}-apple-darwin" if host.system() == "Darwin" else lambda_platform(architecture)
