"""The locks in requirements/: every package of a group with its version and hashes, without addresses."""

from layers.build.wheels import uv
from local.quickstart.machine.steps import command, step
from local.quickstart.machine.workspace import ROOT, Workspace


def write_locks(workspace: Workspace) -> None:
    """Resolve the groups of pyproject.toml and write their locks.

    All share the versions that the tests run with; what checks the contract shares only pandas, Arrow and NumPy.
    """
    log = workspace.log("lock")
    form = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    machines = ["--universal", "--python-version", "3.13"]
    for group in ("dev", "quickstart", "shared", "analytics", "bench", "peers", "docs", "contract"):
        constraint = {"dev": None, "contract": "analytics"}.get(group, "dev")
        constraints = ["--constraints", f"requirements/{constraint}.txt"] if constraint else []
        with step(f"Locking {group}"):
            named = ["pyproject.toml", "--group", group, "--output-file", f"requirements/{group}.txt"]
            arguments = [uv(), "pip", "compile", *named, *machines, *form, *constraints]
            command(arguments, log, f"the group {group} cannot be locked", cwd=ROOT)
