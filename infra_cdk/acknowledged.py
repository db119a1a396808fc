"""What cdk-nag finds and stays as it is: noted at the construct that it is about, with the reason.

cdk-nag itself runs in the tests; a synthesis only carries the notes. docs/security.md lists them.
"""

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *findings: str) -> None:
    """Let findings of cdk-nag's pack AwsSolutions stand, on a construct and on what is below it.

    Args:
        construct: What they are about.
        reason: Why they stand, for whoever reviews it.
        findings: The rules, like ``S1``; of a rule with several findings each by itself, like
            ``IAM5[Resource::*]``.
    """
    for finding in findings:
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason))
