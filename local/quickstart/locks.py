"""The locks in requirements/: every package of a group with its version and hashes, and no address to fetch it from."""

from local.quickstart.steps import command, step
from local.quickstart.toolchain import uv
from local.quickstart.workspace import ROOT, Workspace


def write_locks(workspace: Workspace) -> None:
    """Resolve the groups of pyproject.toml anew; the layers' groups to the versions that the tests run with.

    Raises
    ------
    StepError
        The groups cannot be resolved together.
    """
    log = workspace.log("lock")
    options = [
        "--universal",
        "--python-version",
        "3.13",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    for group in ("dev", "shared", "analytics", "bench"):
        constraints = [] if group == "dev" else ["--constraints", "requirements/dev.txt"]
        with step(f"Locking {group}"):
            target = ["--output-file", f"requirements/{group}.txt"]
            compile_group = [
                uv(),
                "pip",
                "compile",
                "pyproject.toml",
                "--group",
                group,
                *options,
                *constraints,
                *target,
            ]
            command(compile_group, log, f"the group {group} cannot be locked", cwd=ROOT)
