"""What the CDK writes of a request to AWS into its log, with our change to Node.js."""

import json
import subprocess
import sys
from pathlib import Path

from local.quickstart.machine import cdk

NODE = Path(sys.executable).with_name("node")
# As the CDK's own `replacerBufferWithInfo` does.
LOGGED = """
const size = (_, value) => (value?.type === "Buffer" && Array.isArray(value.data) ? value.data.length : value);
console.log(JSON.stringify({ body: Buffer.alloc(8_000_000) }, size), JSON.stringify(Buffer.from("short")));
"""


def test_a_long_body_has_its_size_and_a_short_one_its_bytes():
    environment = cdk.with_short_requests({"NODE_OPTIONS": "--no-warnings"})

    done = subprocess.run([NODE, "-e", LOGGED], env=environment, capture_output=True, text=True, check=True)

    long, short = done.stdout.split()
    assert json.loads(long) == {"body": 8_000_000}
    assert bytes(json.loads(short)["data"]) == b"short"
