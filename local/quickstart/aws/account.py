"""The account that a stage is deployed to: an account of AWS, or of an endpoint that answers like AWS."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from botocore import exceptions

from local.quickstart.machine.cdk import QUALIFIER
from local.quickstart.machine.steps import StepError

if TYPE_CHECKING:
    from boto3 import Session

type Role = Literal["deploy", "lookup"]
"""A role of the bootstrap: `deploy` may change stacks, `lookup` may only read."""

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Identity(NamedTuple):
    """The owner of the credentials."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """`aws`, or the name of another set of regions, like `aws-cn`."""
        return self.arn.split(":")[1]


@dataclass(frozen=True)
class Account:
    """An account, reached with a profile's credentials or those of the environment.

    Attributes
    ----------
    profile
        A profile of `~/.aws/config`; None: what the environment names.
    endpoint
        The address of another implementation of AWS's services; None: AWS.
    """

    profile: str | None = None
    endpoint: str | None = None

    @cached_property
    def session(self) -> "Session":
        """The session that makes AWS clients; it raises `StepError` if the profile does not exist."""
        import boto3  # noqa: PLC0415 - completing a word needs no AWS
        import botocore.session  # noqa: PLC0415

        region = None if self.profile else os.environ.get("AWS_REGION")  # which boto3 does not read, and the CDK does
        try:
            return boto3.Session(profile_name=self.profile, region_name=region)
        except exceptions.ProfileNotFound as error:
            no_profile = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
            known = ", ".join(no_profile.available_profiles) or "none"
            named = self.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
            file = os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
            raise StepError(
                f"there is no profile {named} in {file}, only {known}: name another with --profile or AWS_PROFILE"
            ) from error

    @property
    def region(self) -> str:
        """The region of the profile or the environment; `StepError` if neither names one."""
        if region := self.session.region_name:
            return region
        setting = f"aws configure set region eu-west-1{self._profile}"
        raise StepError(f"no region is named: export AWS_REGION=eu-west-1, or {setting}")

    def client(self, service: str, **keys: str) -> Any:  # noqa: ANN401 - the caller types it
        """Return a client of a service with the given credentials, or with other keys."""
        make: Any = self.session.client  # typed for names that are literals
        return make(service, region_name=self.region, endpoint_url=self.endpoint, **keys)

    def client_of_deployer(self, service: str, identity: Identity, role: Role = "deploy") -> Any:  # noqa: ANN401 - see above
        """Return a client with the rights of the role that the CDK deploys with, or of that which it reads with."""
        name = f"cdk-{QUALIFIER}-{role}-role-{identity.account}-{self.region}"
        arn = f"arn:{identity.partition}:iam::{identity.account}:role/{name}"
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="quickstart")["Credentials"]
        return self.client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def environment(self, path: str) -> dict[str, str]:
        """Return the environment of the CDK's commands: its credentials, region, endpoint, and a search path."""
        inherited = dict(os.environ)
        chosen = {"PATH": path, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.profile:  # keys of the environment would come before those of the profile
            inherited = {name: value for name, value in inherited.items() if name not in _KEYS}
            chosen["AWS_PROFILE"] = self.profile
        if self.endpoint:
            # with one for S3, the CDK leaves the bucket's name out of the host
            chosen |= {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ENDPOINT_URL_S3": self.endpoint}
        return {**inherited, **chosen, "CDK_DISABLE_CLI_TELEMETRY": "true"}

    def identity(self) -> Identity:
        """Return the owner of the credentials; raise `StepError` if there are none or they are refused."""
        try:
            found = self.client("sts").get_caller_identity()
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise StepError(
                "no credentials were found: name a profile with --profile or AWS_PROFILE (aws configure sso makes one),"
                " or export AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, of temporary ones, AWS_SESSION_TOKEN"
            ) from error
        except exceptions.EndpointConnectionError as error:
            where = f"is {self.endpoint} up" if self.endpoint else "is there a connection to AWS"
            raise StepError(f"{error}: {where}?") from error
        except exceptions.ClientError as error:
            problem = error.response["Error"]
            raise StepError(
                f"the credentials are refused ({problem['Code']}: {problem['Message']}): {self._renew()}"
            ) from error
        except exceptions.BotoCoreError as error:  # from signing in with SSO or with a role's profile
            raise StepError(f"the credentials cannot be used: {error} {self._renew()}") from error
        return Identity(found["Account"], found["Arn"])

    def _renew(self) -> str:
        return f"renew them, for example with aws sso login{self._profile}"

    @property
    def options(self) -> str:
        """The options with which a command of `aws` reaches the same account, with a blank before them."""
        return f"{self._profile} --region {self.region}" + (f" --endpoint-url {self.endpoint}" if self.endpoint else "")

    @property
    def own_options(self) -> str:
        """The options with which a command of the quickstart reaches the same account, with a blank before them."""
        return self._profile + (f" --endpoint {self.endpoint}" if self.endpoint else "")

    @property
    def _profile(self) -> str:
        return f" --profile {self.profile}" if self.profile else ""
