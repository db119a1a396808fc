"""A stage of AWS is proven whole, on the emulator as another endpoint, and leaves nothing there."""

import json
import platform
import subprocess
from pathlib import Path

from tests.product import ROOT, Product

# What this emulator cannot do: run code for another processor, and run Node.js, which empties buckets.
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
SETTINGS = ("wheels=host", f"architecture={ARCHITECTURE}", "removal=retain")
ROWS = 20_000
# The routes of the API, the runs, and what must be refused.
LEAST_CHECKS = 60


def test_a_stage_is_proven_and_leaves_nothing_behind(keyed_product: Product, tmp_path: Path):
    status = keyed_product.status()
    environment = keyed_product.environment | {
        "VOUCHER_SELECTION_STATE": str(tmp_path),
        "AWS_ACCESS_KEY_ID": status["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": status["secret_access_key"],
        "AWS_REGION": status["region"],
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    options = [part for setting in SETTINGS for part in ("--set", setting)]
    command = [ROOT / "quickstart", "prove", "--stage", "dev", "--endpoint", status["endpoint_url"], *options]
    bootstrap = [ROOT / "quickstart", "cdk", "bootstrap", f"aws://000000000000/{status['region']}"]
    endpoints = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"), status["endpoint_url"])
    subprocess.run(bootstrap, env=environment | endpoints, check=True)
    before = keyed_product.client("s3").list_buckets()["Buckets"]

    done = subprocess.run(
        [*command, "--rows", str(ROWS), "--yes", "--json"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["checks"] >= LEAST_CHECKS
    page = (tmp_path / "evidence-dev.md").read_text()
    assert f"**{told['checks']} of {told['checks']} checks passed.**" in page
    assert keyed_product.client("s3").list_buckets()["Buckets"] == before
    stacks = keyed_product.client("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks if "prove" in stack["StackName"]} <= {"DELETE_COMPLETE"}
