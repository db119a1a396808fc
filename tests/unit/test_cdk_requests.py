"""What our programs change of the CDK's process: how it logs a request, and how often it asks the emulator."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.quickstart.machine import cdk

NODE = Path(sys.executable).with_name("node")
PROGRAM = cdk.ROOT / "local/cdk/node_modules/aws-cdk/lib/index.js"
# As the CDK's own `replacerBufferWithInfo` does.
LOGGED = """
const size = (_, value) => (value?.type === "Buffer" && Array.isArray(value.data) ? value.data.length : value);
console.log(JSON.stringify({ body: Buffer.alloc(8_000_000) }, size), JSON.stringify(Buffer.from("short")));
"""

# As the CDK's own `waitFor` and its monitor wait, and as its clients of AWS do.
WAITS = """
const started = Date.now(), took = {};
const note = (name) => { took[name] = Date.now() - started; };
async function waitFor(ready) { while (!ready()) await new Promise((done) => setTimeout(done, 5e3)); }
class Monitor {
  async start() { await null; this.scheduleNextTick(); }
  scheduleNextTick() { this.timer = setTimeout((name) => note(name), 2e3, "monitor"); }
}
async function retry() { await new Promise((done) => setTimeout(done, 1500)); note("retry"); }
let asked = 0;
waitFor(() => asked++ === 1).then(() => note("stack"));
new Monitor().start();
retry();
require("node:util").promisify(setTimeout)(1500, "kept").then((value) => note(value));
process.on("exit", () => console.log(JSON.stringify(took)));
"""


def test_a_long_body_has_its_size_and_a_short_one_its_bytes():
    environment = cdk.with_short_requests({"NODE_OPTIONS": "--no-warnings"})

    done = subprocess.run([NODE, "-e", LOGGED], env=environment, capture_output=True, text=True, check=True)

    long, short = done.stdout.split()
    assert json.loads(long) == {"body": 8_000_000}
    assert bytes(json.loads(short)["data"]) == b"short"


def test_only_the_waits_for_a_deployment_are_short():
    environment = cdk.with_short_waits(cdk.with_short_requests({}))

    done = subprocess.run([NODE, "-e", WAITS], env=environment, capture_output=True, text=True, check=True)

    took = json.loads(done.stdout)
    assert took.keys() == {"stack", "monitor", "retry", "kept"}
    assert max(took["stack"], took["monitor"]) < 1500
    assert took["retry"] >= 1500
    assert took["kept"] >= 1500


@pytest.mark.skipif(not PROGRAM.exists(), reason="the CDK is not installed yet: ./quickstart run installs it")
def test_the_installed_cdk_waits_in_functions_of_these_names():
    program = PROGRAM.read_text(encoding="utf-8")

    assert "await new Promise((cb) => setTimeout(cb, timeout));" in program.split("async function waitFor(")[1][:500]
    assert "setTimeout(() => void this.tick(), this.pollingInterval)" in program.split("scheduleNextTick() {")[1][:300]
