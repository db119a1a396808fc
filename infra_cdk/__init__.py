"""What is deployed: one stack, one construct per concern, and the settings of each stage."""

import os
import shutil
import sys
from pathlib import Path

import layers  # noqa: F401 - `python -m infra_cdk` finds the contract in voucher_selection: layers adds its folder

# The CDK runs in Node.js, which starts with the first import of aws_cdk. The one in the virtual environment is pinned;
# a system's own may be too old.
_pinned_node = shutil.which("node", path=str(Path(sys.executable).parent))
if _pinned_node:
    os.environ.setdefault("JSII_NODE", _pinned_node)
