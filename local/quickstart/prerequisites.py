"""What has to be there before a stage can be deployed: credentials, a region, and the CDK's bootstrap."""

from typing import NamedTuple

from botocore.exceptions import ClientError

from local.quickstart.account import QUALIFIER, Account, Identity
from local.quickstart.steps import StepError

LEAST_BOOTSTRAP = 6
"""The version of a bootstrap that the template asks for in its rule `CheckBootstrapVersion`."""

_VERSION_PARAMETER = f"/cdk-bootstrap/{QUALIFIER}/version"
_TOOLKIT = "CDKToolkit"
_NOT_THERE = ("ParameterNotFound", "ValidationError")


class Ready(NamedTuple):
    """Where a stage will be deployed to, and with what."""

    identity: Identity
    region: str
    bootstrap: int


def check(account: Account) -> Ready:
    """Check all that a deployment needs of its account, in the order in which it is set up.

    Raises
    ------
    StepError
        Something is missing, with what to do about it.
    """
    region = account.region
    identity = account.identity()
    version = _bootstrap_version(account)
    if version is None:
        raise StepError(
            f"the CDK is not bootstrapped in account {identity.account}, region {region}. Once, with rights to make"
            f" roles:\n  {bootstrap_command(account, identity)}"
        )
    if version < LEAST_BOOTSTRAP:
        raise StepError(
            f"the CDK's bootstrap in account {identity.account}, region {region}, is of version {version}; expected"
            f" {LEAST_BOOTSTRAP} or newer. The same command as for a new one brings it up to date:\n"
            f"  {bootstrap_command(account, identity)}"
        )
    return Ready(identity, region, version)


def bootstrap_command(account: Account, identity: Identity) -> str:
    """Return what bootstraps the account's region."""
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
