"""The catalog: the table that holds the published models."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra_cdk.encryption import key_of
from infra_cdk.stages import Stage


class Catalog(Construct):
    """The table: paid per request, encrypted, restorable to any second of the last 35 days.

    DynamoDB restores into a new table, which the stack does not own. `restored_table` names it: then it is `table`, and
    the stack's own stays as it is.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        destroy = stage.removal == "destroy"
        key = key_of(self, "Key", stage=stage)
        own = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else dynamodb.TableEncryption.AWS_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            deletion_protection=not destroy,
            # after a first deployment that fails, too: its protection would make the removal fail as well
            removal_policy=cdk.RemovalPolicy.DESTROY if destroy else cdk.RemovalPolicy.RETAIN,
        )
        restored = stage.restored_table
        self.table: dynamodb.ITable = dynamodb.Table.from_table_name(self, "Restored", restored) if restored else own
