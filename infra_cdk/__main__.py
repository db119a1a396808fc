"""The CDK app: `cdk deploy -c stage=local` runs `python -m infra_cdk`."""

import os
import sys

import aws_cdk as cdk

from infra_cdk.context import stage_from_context
from infra_cdk.packaging import packages_for
from infra_cdk.stack import VoucherSelection
from infra_cdk.stages import StageError
from layers.build.errors import BuildError


def main() -> None:
    """Synthesize the stack of the stage that the context names.

    The account and region are those of the credentials that the CDK was started with. Without credentials, the stack
    fits any account and region.
    """
    # the tests lint every stage's template; the CDK's own check takes four of the five seconds
    app = cdk.App(builtin_cloud_formation_validation=False)
    try:
        stage = stage_from_context(app.node.get_all_context())
        packages = packages_for(stage)
    except (StageError, BuildError) as error:
        sys.exit(f"{error}")
    VoucherSelection(
        app,
        stage.stack_name,
        stage=stage,
        packages=packages,
        env=cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=os.environ.get("CDK_DEFAULT_REGION")),
    )
    app.synth()


if __name__ == "__main__":
    main()
