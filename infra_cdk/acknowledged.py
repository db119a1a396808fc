"""The findings of cdk-nag that are accepted: each is noted at its construct, with the reason.

cdk-nag runs in the tests; a template only has the notes. docs/security.md lists them.
"""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *findings: str) -> None:
    """Accept findings of cdk-nag's pack AwsSolutions on a construct and on everything below it.

    A finding is a rule, like `S1`. A rule with several findings needs each of them, like `IAM5[Resource::*]`.
    """
    for finding in findings:
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason))
