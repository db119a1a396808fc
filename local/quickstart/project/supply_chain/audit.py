"""Known vulnerabilities of the locked packages: pip-audit looks them up in advisories.

A registry may have no advisories for a package. That package counts as not audited, not as free of vulnerabilities.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local.quickstart.machine.workspace import ROOT
from local.quickstart.project.supply_chain.locked import APART, PROJECT, packages

VULNERABLE = 1
UNAUDITED = 3
_PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
_REQUEST_SECONDS = 10
_SECONDS = 600
# pip-audit takes one version of a package: the project's locks agree, and the others have versions of their own.
EVERYTHING = (PROJECT, *((lock,) for lock in APART))


class Audit(NamedTuple):
    """The result of an audit: the audited packages, why others were not, and a line for each vulnerability."""

    audited: frozenset[str]
    unaudited: dict[str, str]
    vulnerabilities: list[str]

    @property
    def exit_code(self) -> int:
        """1 with a known vulnerability; else 3 if a package was not audited; else 0."""
        return VULNERABLE if self.vulnerabilities else UNAUDITED if self.unaudited else 0

    def lines(self) -> list[str]:
        """Return the lines to print: the vulnerabilities, why packages were not audited, and the counts."""
        reasons = sorted(set(self.unaudited.values()))
        found = [*self.vulnerabilities, *(f"not audited: {reason}" for reason in reasons)]
        counted = f"{len(self.audited)} packages audited, {len(self.unaudited)} could not be"
        if not self.audited:
            return [*found, f"{counted}: nothing is known about their vulnerabilities"]
        return [*found, f"{counted}, {len(self.vulnerabilities)} known vulnerabilities"]


def audit(groups: Sequence[Sequence[Path]], osv_url: str | None = None) -> Audit:
    """Audit groups of locks, each with one version of a package; ask an API of OSV, or PyPI."""
    audits = [_audit(locks, osv_url) for locks in groups]
    return Audit(
        frozenset().union(*(each.audited for each in audits)),
        {name: reason for each in audits for name, reason in each.unaudited.items()},
        list(dict.fromkeys(line for each in audits for line in each.vulnerabilities)),
    )


def _audit(locks: Sequence[Path], osv_url: str | None) -> Audit:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # The locks are whole: nothing is resolved or installed.
        command = [str(_PIP_AUDIT), "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
        command += ["--timeout", str(_REQUEST_SECONDS), "--cache-dir", str(ROOT / ".local/advisories")]
        command += ["--format", "json", "--output", str(report), *(f"--requirement={lock}" for lock in locks)]
        if osv_url:
            command += ["--vulnerability-service", "osv", "--osv-url", osv_url]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603
        except subprocess.TimeoutExpired:
            return _none(locks, f"no advisories within {_SECONDS} s")
        if not report.is_file():
            return _none(locks, (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
        return _read(json.loads(report.read_text())["dependencies"])


def _none(locks: Sequence[Path], reason: str) -> Audit:
    return Audit(frozenset(), {_named(each.name, each.version): reason for each in packages(locks)}, [])


def _read(dependencies: Sequence[dict[str, Any]]) -> Audit:
    """Read pip-audit's report; the reason for a skipped package ends with the package's name."""
    audited = [each for each in dependencies if "skip_reason" not in each]
    skipped = [each for each in dependencies if "skip_reason" in each]
    return Audit(
        frozenset(_named(each["name"], each["version"]) for each in audited),
        {each["skip_reason"].rpartition(": ")[2]: each["skip_reason"].rpartition(": ")[0] for each in skipped},
        [_line(each, found) for each in audited for found in each["vulns"]],
    )


def _line(package: dict[str, Any], found: dict[str, Any]) -> str:
    name, fixed = _named(package["name"], package["version"]), ", ".join(found["fix_versions"]) or "no version"
    return f"{name}: {', '.join([found['id'], *found['aliases']])}; fixed in {fixed}"


def _named(name: str, version: str) -> str:
    return f"{name} ({version})"
