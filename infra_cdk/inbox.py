"""The inbox: what arrives there, and each run over it that ends, calls the function Inbox."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.functions import Functions
from infra_cdk.rights import Right, acknowledge_wildcards, arns_below
from infra_cdk.stages import Stage
from voucher_selection.contract.bucket import INBOX

# What is missed is taken with the next arrival. Where there may be none for long, somebody looks.
_LOOK_AGAIN = cdk.Duration.minutes(15)
_LAST_QUEUE = "This is the dead-letter queue itself. Only people take messages from it."
_RUNS_OF_THE_MACHINE = "Runs of the deployment's own state machine. Each gets its name when it starts. Read only."


class Inbox(Construct):
    """The rule that tells the function Inbox of each object that arrives, and its rights to start runs.

    The function learns the state machine from those who call it: the machine calls the function, so it comes later.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        functions: Functions,
        bucket: s3.IBucket,
        state_machine: sfn.IStateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.failures = self._queue()
        self._allow_runs(functions, state_machine)
        target = targets.LambdaFunction(
            functions.by_name["Inbox"],
            # which object it is does not matter: Inbox looks into the bucket
            event=events.RuleTargetInput.from_object({"state_machine_arn": state_machine.state_machine_arn}),
            dead_letter_queue=self.failures,
        )
        events.Rule(
            self,
            "Arrivals",
            description="Tells Inbox that an object arrived in the inbox",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [{"prefix": f"{INBOX}/"}]}},
            ),
            targets=[target],
        )
        if not stage.is_local:
            events.Rule(
                self,
                "Look",
                description="Has Inbox look for what was missed, like the files of a run that was stopped",
                schedule=events.Schedule.rate(_LOOK_AGAIN),
                targets=[target],
            )

    def _queue(self) -> sqs.Queue:
        """Make the queue of events that did not reach Inbox. They hold no data, so SQS's own key is enough."""
        failures = sqs.Queue(
            self,
            "Failures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(failures, _LAST_QUEUE, "SQS3")
        return failures

    def _allow_runs(self, functions: Functions, state_machine: sfn.IStateMachine) -> None:
        """Let Inbox start runs and see how they stand, by a policy of its own: the machine needs the function first."""
        rights = [
            Right(["states:StartExecution"], [state_machine.state_machine_arn]),
            Right(["states:DescribeExecution"], [arns_below(state_machine, "execution", ":*")], _RUNS_OF_THE_MACHINE),
        ]
        policy = iam.Policy(self, "Runs", statements=[right.statement() for right in rights])
        policy.attach_to_role(functions.roles["Inbox"])
        acknowledge_wildcards(policy, rights)
