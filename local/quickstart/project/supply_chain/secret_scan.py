"""A scan for secrets in all files that git tracks, with the patterns of detect-secrets.

    python -m local.quickstart.project.supply_chain.secret_scan [FOLDER]

The exit code is 1 if it finds one, or if something is allowed here that no longer exists.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import get_settings, transient_settings

from local.quickstart.machine.workspace import ROOT

_MOTOS = "moto asks for a key, and takes any"
_REFUSED = "a test of addresses with a password, which are refused"
_ID_OF_A_KEY = "the id of a key in a test, not the key"
_NO_SETTINGS = hashlib.sha256(b"{}").hexdigest()[:16]
_A_TAG = "the digest of a stack's settings, which is a tag"
_NOT_LOOKED_AT = "a request that stays in the test: nobody looks at its key"

ALLOWED: Mapping[tuple[str, str], str] = {
    ("local/emulator/tests/test_strangers.py", "the-users-own"): "what the emulator must not take from its environment",
    ("local/emulator/tests/test_short_waits.py", "none"): _NOT_LOOKED_AT,
    ("tests/infrastructure/snapshots/dev.yaml", _NO_SETTINGS): _A_TAG,
    ("tests/infrastructure/snapshots/local.yaml", _NO_SETTINGS): _A_TAG,
    ("tests/infrastructure/snapshots/prod.yaml", _NO_SETTINGS): _A_TAG,
    ("tests/environment.py", "testing"): _MOTOS,
    ("tests/processes.py", "keyed"): "the name of a group of tests",
    ("tests/unit/test_deploy_commands.py", "key-1"): _ID_OF_A_KEY,
    ("tests/unit/test_https_addresses.py", "sesame"): _REFUSED,
    ("tests/unit/test_https_addresses.py", "sesame\\"): _REFUSED,
    ("tests/unit/test_other_endpoint.py", "test"): _NOT_LOOKED_AT,
    ("tests/unit/test_smoke_test.py", "key-id"): _ID_OF_A_KEY,
    ("tests/unit/test_source_addresses.py", "secret"): _REFUSED,
}
"""Values that look like a secret and are not: the file, the value, and why."""

# The patterns of services that a project like this may use; each pattern costs time for every line.
_DETECTORS = (
    *("AWSKey", "AzureStorageKey", "BasicAuth", "GitHubToken", "GitLabToken", "JwtToken", "Keyword", "Npm", "OpenAI"),
    *("PrivateKey", "PypiToken", "Slack"),
)
_ENTROPY = ({"name": "Base64HighEntropyString", "limit": 4.5}, {"name": "HexHighEntropyString", "limit": 3.0})
# The hashes in locks are the only long random text that belongs here.
_HASHES = r"^\s*(--hash=sha256:[0-9a-f]{64}|\"integrity\": \"sha512-[A-Za-z0-9+/=]+\")"
# With verification, a found secret would be tried at its service.
_VERIFICATION = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


def findings(folder: Path) -> Iterator[tuple[str, PotentialSecret]]:
    """Yield what looks like a secret, with its file, in the files that git tracks in a folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
    plugins = [*({"name": f"{name}Detector"} for name in _DETECTORS), *_ENTROPY]
    filters = [
        {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": [_HASHES]},
        {"path": "detect_secrets.filters.heuristic.is_sequential_string"},  # the alphabet, and the digits
    ]
    with transient_settings({"plugins_used": plugins, "filters_used": filters}):
        get_settings().disable_filters(_VERIFICATION)
        for name in filter(None, listed.stdout.split("\0")):
            for found in scan_file(str(folder / name)):
                yield name, found


def main() -> None:
    """Scan a folder, and print the places of what was found; a value is only compared, never shown."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    faults, left = [], dict(ALLOWED)
    for file, found in findings(folder):
        left.pop((file, found.secret_value or ""), None)
        if (file, found.secret_value or "") not in ALLOWED:
            faults.append(f"{file}:{found.line_number}: looks like a secret ({found.type})")
    if folder == ROOT:
        faults += [f"{file}: allowed in secret_scan.py, and not there: remove it" for file, _ in left]
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
