"""What is deployed: one stack, one construct per concern, and the settings of each stage."""

import os
import shutil
import sys
from pathlib import Path

import layers  # noqa: F401 - it puts voucher_selection on the path, for the contract

# The first import of aws_cdk starts Node.js. The virtual environment has a pinned one; the system's may be too old.
_pinned_node = shutil.which("node", path=str(Path(sys.executable).parent))
if _pinned_node:
    os.environ.setdefault("JSII_NODE", _pinned_node)
