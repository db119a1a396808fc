"""Known vulnerabilities of what the locks name: asked of advisories by pip-audit, and counted honestly.

A registry need not have advisories: then pip-audit says that it knows of none, which is not that there are none.

    python -m local.supply_chain.audit [--shipped] [--osv-url URL] [--unaudited-is-no-fault]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local.quickstart.workspace import ROOT
from local.supply_chain.locked import EMULATOR, PROJECT, SHIPPED, packages

VULNERABLE = 1
UNAUDITED = 3
_PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
_REQUEST_SECONDS = 10
_SECONDS = 600
# pip-audit wants a package in one version: those of the project agree, and the emulator is a project of its own.
EVERYTHING = (PROJECT, *((lock,) for lock in EMULATOR))


class Audit(NamedTuple):
    """What became of the packages of some locks.

    Attributes
    ----------
    audited
        Those with advisories that could be read, vulnerable or not.
    unaudited
        Why the others could not be audited, by package.
    vulnerabilities
        One line each: the package with its version, the advisory, and the versions that are not affected.
    """

    audited: frozenset[str]
    unaudited: dict[str, str]
    vulnerabilities: list[str]

    @property
    def exit_code(self) -> int:
        """1 with a known vulnerability; else 3 while some package is not audited; else 0."""
        if self.vulnerabilities:
            return VULNERABLE
        return UNAUDITED if self.unaudited else 0

    def lines(self) -> list[str]:
        """Return what to report: the vulnerabilities, why packages were not audited, and the counts."""
        reasons = sorted(set(self.unaudited.values()))
        told = [*self.vulnerabilities, *(f"not audited: {reason}" for reason in reasons)]
        counted = f"{len(self.audited)} packages audited, {len(self.unaudited)} could not be"
        if not self.audited:
            return [*told, f"{counted}: nothing is known about their vulnerabilities"]
        return [*told, f"{counted}, {len(self.vulnerabilities)} known vulnerabilities"]


def audit(groups: Sequence[Sequence[Path]], osv_url: str | None = None) -> Audit:
    """Audit the packages of locks, a group of them at a time.

    Parameters
    ----------
    groups
        Locks whose packages have one version each.
    osv_url
        An API of OSV to ask; without it, PyPI is asked.
    """
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
            return _none(locks, f"the advisories did not come within {_SECONDS} s")
        if not report.is_file():
            return _none(locks, (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
        return _read(json.loads(report.read_text())["dependencies"])


def _none(locks: Sequence[Path], reason: str) -> Audit:
    return Audit(frozenset(), {_named(each.name, each.version): reason for each in packages(locks)}, [])


def _read(dependencies: Sequence[dict[str, Any]]) -> Audit:
    """Read pip-audit's report; what it skips, it skips with a sentence that names the package at its end."""
    audited = [each for each in dependencies if "skip_reason" not in each]
    skipped = [each for each in dependencies if "skip_reason" in each]
    return Audit(
        frozenset(_named(each["name"], each["version"]) for each in audited),
        {each["skip_reason"].rpartition(": ")[2]: each["skip_reason"].rpartition(": ")[0] for each in skipped},
        [_told(each, found) for each in audited for found in each["vulns"]],
    )


def _told(package: dict[str, Any], found: dict[str, Any]) -> str:
    name, fixed = _named(package["name"], package["version"]), ", ".join(found["fix_versions"]) or "no version"
    return f"{name}: {', '.join([found['id'], *found['aliases']])}; fixed in {fixed}"


def _named(name: str, version: str) -> str:
    return f"{name} ({version})"


def main() -> None:
    """Audit from the command line; the last line has the counts."""
    parser = argparse.ArgumentParser(prog="python -m local.supply_chain.audit", description=__doc__.splitlines()[0])
    parser.add_argument("--shipped", action="store_true", help="only what is shipped to Lambda")
    parser.add_argument("--osv-url", help="an API of OSV to ask, instead of PyPI")
    parser.add_argument("--unaudited-is-no-fault", action="store_true", help="only a known vulnerability is a fault")
    arguments = parser.parse_args()
    found = audit([SHIPPED] if arguments.shipped else EVERYTHING, arguments.osv_url)
    sys.stdout.write("\n".join([*found.lines(), ""]))
    is_fault = found.exit_code == VULNERABLE or not arguments.unaudited_is_no_fault
    sys.exit(found.exit_code if is_fault else 0)


if __name__ == "__main__":
    main()
