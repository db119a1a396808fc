"""The states that send an event to the default bus when a run ends. An event that is not sent fails no run."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra_cdk.rights import Right
from infra_cdk.stages import Stage
from voucher_selection.contract.events import MODEL_HELD_BACK, MODEL_PUBLISHED, RUN_FAILED, SOURCE, Event
from voucher_selection.contract.runs import HELD_BACK, NOTHING_TO_REFRESH

# Nobody waits for an event, but the run ends only after it.
_PATIENCE = cdk.Duration.seconds(30)


class RunEvents(Construct):
    """What follows the end of a run: its event, if it has one."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        self._facts = {"stack": cdk.Stack.of(self).stack_name, "stage": stage.name, "bucket": bucket.bucket_name}

    def after_success(self, ended: sfn.IChainable) -> sfn.IChainable:
        """Return what follows Model: the event of a model that is served now, and then these states."""
        by_outcome = sfn.Choice(self, "ByOutcome", state_name="ByOutcome", comment="Only a publication is an event")
        published = self._sent(MODEL_PUBLISHED, then=ended)
        return by_outcome.when(sfn.Condition.boolean_equals("$.published", True), published).otherwise(ended)

    def after_failure(self, then: sfn.IChainable) -> sfn.IChainable:
        """Return what follows the record of a failure: its event, and then these states."""
        held_back = sfn.Condition.or_(*(sfn.Condition.string_equals("$.Error", error) for error in HELD_BACK))
        by_failure = sfn.Choice(
            self, "ByFailure", state_name="ByFailure", comment="A stage without a model has no news"
        )
        return (
            by_failure.when(held_back, self._sent(MODEL_HELD_BACK, then=then))
            .when(sfn.Condition.string_equals("$.Error", NOTHING_TO_REFRESH), then)
            .otherwise(self._sent(RUN_FAILED, then=then))
        )

    def rights(self) -> list[Right]:
        """Return the right to send events."""
        stack = cdk.Stack.of(self)
        return [Right(["events:PutEvents"], [stack.format_arn(service="events", resource="event-bus/default")])]

    def _sent(self, event: Event, *, then: sfn.IChainable) -> sfn.IChainable:
        name = f"Send{event.name}"
        send = tasks.EventBridgePutEvents(
            self,
            name,
            state_name=name,
            entries=[
                tasks.EventBridgePutEventsEntry(
                    source=SOURCE, detail_type=event.name, detail=sfn.TaskInput.from_object(self._detail(event))
                )
            ],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(_PATIENCE),
        )
        send.add_retry(errors=["States.TaskFailed"], interval=cdk.Duration.seconds(1), max_attempts=2)
        send.add_catch(then, result_path=sfn.JsonPath.DISCARD)
        return send.next(then)

    def _detail(self, event: Event) -> Mapping[str, str]:
        return {
            field.name: sfn.JsonPath.string_at(field.path) if field.path else self._facts[field.name]
            for field in event.fields
        }
