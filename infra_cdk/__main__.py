"""The CDK app: ``cdk deploy -c stage=local`` runs ``python -m infra_cdk``."""

import os
import shutil
import sys
from pathlib import Path

# The Node.js of the virtual environment is the one that is pinned; a system's own may be too old for the CDK.
_PINNED_NODE = shutil.which("node", path=str(Path(sys.executable).parent))
if _PINNED_NODE:
    os.environ.setdefault("JSII_NODE", _PINNED_NODE)

import aws_cdk as cdk  # noqa: E402 - starts Node.js

from infra_cdk.packaging import packages_for  # noqa: E402
from infra_cdk.stack import VoucherSelection  # noqa: E402
from infra_cdk.stages import StageError, stage_from_context  # noqa: E402
from layers.build import BuildError  # noqa: E402


def main() -> None:
    """Synthesize the stack of the stage that the context names.

    The account and region come from the credentials that the CDK was started with; without any, the stack is
    synthesized for whichever it is deployed to.
    """
    # the tests lint every stage's template; the CDK's own check takes four of a synthesis' five seconds
    app = cdk.App(builtin_cloud_formation_validation=False)
    try:
        stage = stage_from_context(app.node.get_all_context())
        packages = packages_for(stage)
    except (StageError, BuildError) as error:
        sys.exit(f"{error}")
    VoucherSelection(
        app,
        f"VoucherSelection-{stage.name}",
        stage=stage,
        packages=packages,
        env=cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")),
    )
    app.synth()


if __name__ == "__main__":
    main()
