"""Encryption at rest with a key of the deployment's owner, where the stage names one."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra_cdk.rights import Right
from infra_cdk.stages import Stage

# What a service does with the key for a caller of the action. Every caller needs kms:Decrypt too.
_KEY_ACTIONS: Mapping[str, Sequence[str]] = {
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sns:Publish": ("kms:GenerateDataKey",),
    "dynamodb:GetItem": ("kms:DescribeKey",),
    "dynamodb:UpdateItem": ("kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
}


def key_of(scope: Construct, construct_id: str, *, stage: Stage) -> kms.IKey | None:
    """Return the owner's key, or None where AWS's own keys encrypt."""
    return kms.Key.from_key_arn(scope, construct_id, stage.kms_key) if stage.kms_key else None


def key_rights(stage: Stage, rights: Sequence[Right]) -> list[Right]:
    """Return the rights to the owner's keys that these rights and an encrypted environment need.

    A former key encrypts nothing more; what it encrypted is read.
    """
    read = [Right(["kms:Decrypt"], stage.former_kms_keys)] if stage.former_kms_keys else []
    if not stage.kms_key:
        return read
    needed = {key_action for right in rights for action in right.actions for key_action in _KEY_ACTIONS.get(action, ())}
    return [Right(sorted({"kms:Decrypt", *needed}), [stage.kms_key]), *read]
