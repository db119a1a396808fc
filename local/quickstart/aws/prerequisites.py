"""What a deployment to an account needs first: credentials, a region, and the CDK's bootstrap."""

from typing import NamedTuple

from botocore.exceptions import ClientError

from local.quickstart.aws.account import Account, Identity
from local.quickstart.machine.cdk import QUALIFIER
from local.quickstart.machine.steps import StepError

LEAST_BOOTSTRAP = 6
"""The least version of the bootstrap, from the template's rule `CheckBootstrapVersion`."""

_VERSION_PARAMETER = f"/cdk-bootstrap/{QUALIFIER}/version"
_TOOLKIT = "CDKToolkit"
_NOT_THERE = ("ParameterNotFound", "ValidationError")


class Target(NamedTuple):
    """The account and region that a stage will be deployed to, and the version of the bootstrap there."""

    identity: Identity
    region: str
    bootstrap: int


def check(account: Account) -> Target:
    """Check what a deployment needs of its account, in order; a `StepError` says what to do if it lacks something."""
    region = account.region
    identity = account.identity()
    version = _bootstrap_version(account)
    where, how = f"account {identity.account}, region {region}", bootstrap_command(account, identity)
    if version is None:
        raise StepError(f"the CDK is not bootstrapped in {where}. Do this once, with rights to make roles:\n  {how}")
    if version < LEAST_BOOTSTRAP:
        raise StepError(
            f"the CDK's bootstrap in {where}, has version {version}; expected {LEAST_BOOTSTRAP} or newer."
            f" This command updates it:\n  {how}"
        )
    return Target(identity, region, version)


def bootstrap_command(account: Account, identity: Identity) -> str:
    """Return the command that bootstraps the account's region."""
    variables = f"AWS_REGION={account.region} "
    if account.profile:
        variables += f"AWS_PROFILE={account.profile} "
    if account.endpoint:
        variables += f"AWS_ENDPOINT_URL={account.endpoint} AWS_ENDPOINT_URL_S3={account.endpoint} "
    return f"{variables}./quickstart cdk bootstrap aws://{identity.account}/{account.region}"


def _bootstrap_version(account: Account) -> int | None:
    """Return the version in the parameter, or in the toolkit's stack if the parameter may not be read."""
    try:
        return int(account.client("ssm").get_parameter(Name=_VERSION_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        refused = error
    try:
        (stack,) = account.client("cloudformation").describe_stacks(StackName=_TOOLKIT)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return None
        raise StepError(
            f"whether the CDK is bootstrapped cannot be read: {refused}. Allow ssm:GetParameter on"
            f" parameter{_VERSION_PARAMETER}, as docs/deployment.md has it"
        ) from error
    return int(next(o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "BootstrapVersion"))
