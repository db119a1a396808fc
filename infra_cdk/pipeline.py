"""The pipeline: the state machine that turns a history into a published model, and announces each failure."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.encryption import key_of, key_rights
from infra_cdk.events import RunEvents
from infra_cdk.functions import Functions
from infra_cdk.inbox import Inbox
from infra_cdk.log_groups import log_group_of
from infra_cdk.retriers import RETRIERS
from infra_cdk.rights import Right, acknowledge_wildcards, arns_below, role_of
from infra_cdk.stages import Stage
from voucher_selection.contract.bucket import FAILURES, MAP_RESULTS, RUNS, SUMMARY, run_folder
from voucher_selection.contract.runs import (
    ASSIGN_SHARDS,
    CLEAN_SHARDS,
    ENDS_OF_A_REFRESH,
    INGEST,
    MERGE_SHARDS,
    MODEL,
    RUN_KINDS,
    RUNS_OF_THE_INBOX,
    RunKind,
)

# A state waits longer than its function, whose own timeout has the better message.
_PATIENCE = cdk.Duration.seconds(30)

_RUN_ID = "$$.Execution.Name"
_RUN_FOLDER = run_folder(RUNS, "{}")


class Pipeline(Construct):
    """Ingest -> a distributed map of Clean, or of Assign -> Model. Runs that read no file go straight to Model.

    If the shards are in several groups, a second map merges the results of each group before Model.

    A failure is recorded beside the run's other objects and announced. Then it fails the execution with its own error
    and cause. A refresh that is held back is only recorded: it would be announced again every night. A run of the inbox
    whose files other runs try is only recorded, too.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, functions: Functions, bucket: s3.IBucket
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._functions = functions
        self._bucket = bucket
        self.topic = self._topic()
        self._events = RunEvents(self, "Events", stage=stage, bucket=bucket)
        self.state_machine = self._state_machine(self._definition())
        self.inbox = self._inbox() if stage.inbox else None
        self.refresh_failures = self._refresh(stage.refresh_schedule) if stage.refreshes else None

    def _definition(self) -> sfn.Chain:
        failed = self._record_failure()
        ingest = self._for_the_run(INGEST, request="$").add_catch(failed)
        model = self._for_the_run(MODEL, request="$$.Execution.Input").add_catch(failed)
        # Model finds the shards without a result, and why: the error of a map names only one of them
        clean_shards = self._map_of_shards(CLEAN_SHARDS, {"reading": sfn.JsonPath.object_at("$.reading")})
        assign_shards, merge_shards = self._map_of_shards(ASSIGN_SHARDS, {}), self._map_of_groups()
        for each in (clean_shards, assign_shards, merge_shards):
            each.add_catch(model, result_path="$.map_error")
        model.next(self._events.after_success(self._after_success()))
        by_groups = self._by_groups(merge_shards.next(model), model)
        by_plan = self._by_plan(clean_shards.next(by_groups), assign_shards.next(by_groups))
        return sfn.Chain.start(self._by_mode(ingest.next(by_plan), model))

    def _inbox(self) -> Inbox:
        return Inbox(
            self,
            "Inbox",
            stage=self._stage,
            functions=self._functions,
            bucket=self._bucket,
            state_machine=self.state_machine,
        )

    def _by_mode(self, with_history: sfn.IChainable, model: sfn.IChainable) -> sfn.Choice:
        """Send runs that read no file to Model, and all others to Ingest, which reports a faulty input."""
        without_history = sfn.Condition.and_(
            sfn.Condition.is_present("$.mode"),
            sfn.Condition.is_string("$.mode"),
            sfn.Condition.or_(*(_is_a(kind) for kind in RUN_KINDS if INGEST not in kind.states)),
        )
        by_mode = sfn.Choice(self, "ByMode", comment="Runs that read no file go straight to Model")
        return by_mode.when(without_history, model).otherwise(with_history)

    def _for_the_run(self, state: str, *, request: str) -> tasks.LambdaInvoke:
        return self._invoke(
            state,
            {
                "run_id": sfn.JsonPath.string_at(_RUN_ID),
                "started_at": sfn.JsonPath.string_at("$$.Execution.StartTime"),
                "request": sfn.JsonPath.object_at(request),
            },
        )

    def _by_plan(self, clean_shards: sfn.IChainable, assign_shards: sfn.IChainable) -> sfn.Choice:
        by_plan = sfn.Choice(self, "ByPlan", comment="Clean counts a history; Assign gives customers their amounts")
        for kind in RUN_KINDS:
            if ASSIGN_SHARDS in kind.states:
                by_plan.when(_is_a(kind), assign_shards)
        return by_plan.otherwise(clean_shards)

    def _by_groups(self, merge_shards: sfn.IChainable, model: sfn.IChainable) -> sfn.Choice:
        by_groups = sfn.Choice(self, "ByGroups", comment="Model itself merges the shards of a run of one group")
        return by_groups.when(sfn.Condition.number_greater_than("$.groups", 1), merge_shards).otherwise(model)

    def _map_of_shards(self, map_state: str, of_run: Mapping[str, object]) -> sfn.DistributedMap:
        """Return a map that runs a function for each shard of the manifest, with the facts of the run that it needs."""
        state = map_state.removesuffix("Shards")
        return self._map(map_state, state, item="shard", manifest="$.manifest_key", of_run=of_run)

    def _map_of_groups(self) -> sfn.DistributedMap:
        """Return a map that merges the results of each group of shards. Model's function does it."""
        of_run = {"mode": sfn.JsonPath.string_at("$.mode")}
        return self._map(MERGE_SHARDS, "Merge", item="group", manifest="$.groups_key", of_run=of_run, function=MODEL)

    def _map(
        self,
        map_state: str,
        state: str,
        *,
        item: str,
        manifest: str,
        of_run: Mapping[str, object],
        function: str | None = None,
    ) -> sfn.DistributedMap:
        """Return a map over the items of a manifest. Each goes to `state`, which invokes the function (its own)."""
        items = sfn.DistributedMap(
            self,
            map_state,
            comment=f"One {state} for each {item} of the manifest",
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=self._stage.max_concurrency,
            item_reader=sfn.S3JsonItemReader(bucket=self._bucket, key=sfn.JsonPath.string_at(manifest)),
            item_selector={
                "run_id": sfn.JsonPath.string_at("$.run_id"),
                **of_run,
                item: sfn.JsonPath.object_at("$$.Map.Item.Value"),
            },
            # Nothing reads the results; without a place for them, a map of many shards exceeds the 256 KiB of a state
            result_writer_v2=sfn.ResultWriterV2(bucket=self._bucket, prefix=MAP_RESULTS),
            result_path=sfn.JsonPath.DISCARD,
        )
        payload = {"run_id": sfn.JsonPath.string_at("$.run_id"), **of_run, item: sfn.JsonPath.object_at(f"$.{item}")}
        invoke = self._invoke(state, payload, function)
        return items.item_processor(invoke.add_catch(self._record_item_failure(state, item), result_path="$.failure"))

    def _record_item_failure(self, state: str, item: str) -> sfn.Chain:
        number = f"$.{item}.number"
        record = self._put_object(
            f"Record{state}{item.title()}Failure",
            key=sfn.JsonPath.format(
                f"{_RUN_FOLDER}/{FAILURES}/{item}-{{}}.json",
                sfn.JsonPath.string_at("$.run_id"),
                sfn.JsonPath.string_at(number),
            ),
            body={
                item: sfn.JsonPath.number_at(number),
                "error": sfn.JsonPath.string_at("$.failure.Error"),
                "cause": sfn.JsonPath.string_at("$.failure.Cause"),
            },
        )
        failed = sfn.Fail(
            self, f"{state}{item.title()}Failed", error_path="$.failure.Error", cause_path="$.failure.Cause"
        )
        return record.add_catch(failed, result_path=sfn.JsonPath.DISCARD).next(failed)

    def _after_success(self) -> sfn.IChainable:
        """Return what follows a run that succeeded. The run's result stays Model's."""
        ended = sfn.Succeed(self, "RunEnded")
        if not self._stage.inbox:
            return ended
        told = self._tell_inbox("InboxAfterSuccess", result_path=sfn.JsonPath.DISCARD)
        told.add_catch(ended, result_path=sfn.JsonPath.DISCARD)
        return self._by_name("ByName", told.next(ended), ended)

    def _before_announcing(self, announced: sfn.IChainable) -> sfn.IChainable:
        """Return what follows the record of a failure: what announces it, unless other runs try the same files."""
        if not self._stage.inbox:
            return announced
        told = self._tell_inbox("InboxAfterFailure", result_path="$.inbox")
        told.add_catch(announced, result_path=sfn.JsonPath.DISCARD)
        goes_on = sfn.Succeed(self, "InboxGoesOn", comment="Other runs try its files; the run's record has the error")
        by_answer = sfn.Choice(self, "ByAnswer", comment="Only what became of a file for good is announced")
        by_answer.when(sfn.Condition.boolean_equals("$.inbox.goes_on", True), goes_on).otherwise(announced)
        return self._by_name("ByNameOfFailed", told.next(by_answer), announced)

    def _by_name(self, state: str, of_the_inbox: sfn.IChainable, others: sfn.IChainable) -> sfn.Choice:
        by_name = sfn.Choice(self, state, comment="Inbox waits for the end of the runs that it started")
        is_of_the_inbox = sfn.Condition.string_matches(_RUN_ID, f"{RUNS_OF_THE_INBOX}*")
        return by_name.when(is_of_the_inbox, of_the_inbox).otherwise(others)

    def _tell_inbox(self, state: str, *, result_path: str) -> tasks.LambdaInvoke:
        """Return a state that tells Inbox which run has ended. It fails no run: Inbox finds the run later, too."""
        return self._invoke(
            state,
            {
                "state_machine_arn": sfn.JsonPath.string_at("$$.StateMachine.Id"),
                "ended": sfn.JsonPath.string_at(_RUN_ID),
            },
            "Inbox",
            result_path=result_path,
        )

    def _record_failure(self) -> sfn.Chain:
        """Return what follows a failure.

        Its input is only the error. A catcher can add the error to an object, but an execution's input may be anything.
        """
        error, cause = sfn.JsonPath.string_at("$.Error"), sfn.JsonPath.string_at("$.Cause")
        record = self._put_object(
            "RecordFailure",
            key=sfn.JsonPath.format(f"{_RUN_FOLDER}/{SUMMARY}", sfn.JsonPath.string_at(_RUN_ID)),
            body={
                "run_id": sfn.JsonPath.string_at(_RUN_ID),
                "status": "failed",
                "request": sfn.JsonPath.object_at("$$.Execution.Input"),
                "started_at": sfn.JsonPath.string_at("$$.Execution.StartTime"),
                "failed_at": sfn.JsonPath.string_at("$$.State.EnteredTime"),
                "error": error,
                "cause": cause,
            },
        )
        notify = tasks.SnsPublish(
            self,
            "NotifyFailure",
            topic=self.topic,
            subject=sfn.JsonPath.format("Run {} failed", sfn.JsonPath.string_at(_RUN_ID)),
            message=sfn.TaskInput.from_object(
                {"run_id": sfn.JsonPath.string_at(_RUN_ID), "error": error, "cause": cause}
            ),
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(_PATIENCE),
        )
        failed = sfn.Fail(self, "RunFailed", error_path="$.Error", cause_path="$.Cause")
        by_error = self._by_error(notify.next(failed))
        # a record that is not written, or a message that is not sent, must not hide the failure
        announced = self._before_announcing(self._events.after_failure(by_error))
        record.add_catch(announced, result_path=sfn.JsonPath.DISCARD)
        notify.add_catch(failed, result_path=sfn.JsonPath.DISCARD)
        return record.next(announced)

    def _by_error(self, announced: sfn.IChainable) -> sfn.Choice:
        """Announce every failure but the ends of a refresh: Model's metric tells once that one was held back."""
        ended = sfn.Succeed(self, "RefreshEnded", comment="What is served stays; the run's record says why")
        by_error = sfn.Choice(self, "ByError", comment="What ends a refresh is not announced every night")
        ends = sfn.Condition.or_(*(sfn.Condition.string_equals("$.Error", error) for error in ENDS_OF_A_REFRESH))
        return by_error.when(ends, ended).otherwise(announced)

    def _invoke(
        self, state: str, payload: dict[str, object], name: str | None = None, *, result_path: str | None = None
    ) -> tasks.LambdaInvoke:
        """Return a state that invokes the function of this name, or of its own, in the version of this deployment.

        The state's output is the function's answer, or its input with the answer at `result_path`.
        """
        name = name or state
        timeout = self._functions.by_name[name].timeout or cdk.Duration.minutes(15)
        invoke = tasks.LambdaInvoke(
            self,
            state,
            lambda_function=self._functions.called(name),
            payload=sfn.TaskInput.from_object(payload),
            **_output(result_path),
            retry_on_service_exceptions=False,  # ours has jitter
            task_timeout=sfn.Timeout.duration(timeout.plus(_PATIENCE)),
        )
        for retrier in RETRIERS:
            retrier.add_to(invoke)
        return invoke

    def _put_object(self, state: str, *, key: str, body: dict[str, object]) -> tasks.CallAwsService:
        """Return a state that writes JSON to the bucket.

        The body is an object: Step Functions writes an object as JSON, and would put a text into quotes.
        """
        return tasks.CallAwsService(
            self,
            state,
            service="s3",
            action="putObject",
            parameters={
                "Bucket": self._bucket.bucket_name,
                "Key": key,
                "ContentType": "application/json",
                "Body": body,
            },
            iam_resources=[self._bucket.arn_for_objects(f"{RUNS}/*")],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(_PATIENCE),
        )

    def _topic(self) -> sns.Topic:
        return sns.Topic(
            self,
            "RunFailures",
            display_name="Failed runs of the voucher selection",
            master_key=key_of(self, "Key", stage=self._stage)
            or kms.Alias.from_alias_name(self, "SnsKey", "alias/aws/sns"),
            enforce_ssl=True,
        )

    def _state_machine(self, definition: sfn.Chain) -> sfn.StateMachine:
        rights = self._rights()
        rights += key_rights(self._stage, rights)
        role = role_of(self, "Role", service="states.amazonaws.com", rights=rights)
        state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            state_machine_type=sfn.StateMachineType.STANDARD,
            # the rights that the CDK would add cover the whole bucket
            role=role.without_policy_updates(),
            timeout=cdk.Duration.seconds(self._stage.run_timeout_seconds),
            tracing_enabled=self._stage.tracing,
            logs=self._execution_logs() if self._stage.execution_logs else None,
        )
        self._allow_own_maps(role, state_machine)
        if self._stage.is_local:
            acknowledge(state_machine, _NOT_OBSERVED, "SF1", "SF2")
        return state_machine

    def _execution_logs(self) -> sfn.LogOptions:
        """Return the log of every event of a run, without its data, which stays in the bucket."""
        # with this prefix, the account's policy for log groups does not grow with each state machine
        name = f"/aws/vendedlogs/states/{cdk.Stack.of(self).stack_name}"
        return sfn.LogOptions(
            destination=log_group_of(self, "Execution", stage=self._stage, name=name),
            level=sfn.LogLevel.ALL,
            include_execution_data=False,
        )

    def _rights(self) -> list[Right]:
        rights = [
            self._functions.right_to_call("Ingest", "Clean", "Assign", "Model", *_inbox_of(self._stage)),
            Right(_RECORDS, [self._bucket.arn_for_objects(f"{RUNS}/*")], _RECORDS_OF_RUNS),
            Right(["sns:Publish"], [self.topic.topic_arn]),
            *self._events.rights(),
        ]
        if self._stage.tracing:
            rights.append(Right(_X_RAY, ["*"], _NO_RESOURCES))
        if self._stage.execution_logs:
            rights.append(Right(_LOG_DELIVERY, ["*"], _NO_RESOURCES))
        return rights

    def _refresh(self, schedule: str) -> sqs.Queue:
        """Remodel on a schedule, because days since the last order grow each day.

        Returns
        -------
        sqs.Queue
            The queue of refreshes that could not be started. They hold no data, so SQS's own key is enough; EventBridge
            may use it without a policy of the owner's key.
        """
        failures = sqs.Queue(
            self,
            "RefreshFailures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(failures, _LAST_QUEUE, "SQS3")
        role = iam.Role(self, "RefreshRole", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        target = targets.SfnStateMachine(
            self.state_machine,
            input=events.RuleTargetInput.from_object({"mode": "remodel", "scheduled": True}),
            role=role,
            dead_letter_queue=failures,
            max_event_age=cdk.Duration.hours(2),  # later, it would find the next day's date
        )
        events.Rule(
            self,
            "Refresh",
            description="Makes the model again from its counts, for the date of the day",
            schedule=events.Schedule.expression(schedule),
            targets=[target],
        )
        return failures

    def _allow_own_maps(self, role: iam.Role, state_machine: sfn.StateMachine) -> None:
        """Let the state machine start, watch and stop the executions of its map.

        The rights have a policy of their own: it names the state machine, which needs the role first.
        """
        # the executions of a map are named after a slash; AWS's page for these policies has the form with a colon
        executions = [arns_below(state_machine, "execution", form) for form in (":*", "/*")]
        rights = [
            Right(["states:StartExecution"], [state_machine.state_machine_arn]),
            Right(["states:DescribeExecution", "states:StopExecution"], executions, _EXECUTIONS_OF_MAPS),
        ]
        policy = iam.Policy(self, "OwnMaps", statements=[right.statement() for right in rights])
        policy.attach_to_role(role)
        acknowledge_wildcards(policy, rights)
        # the CDK's own policy for the maps: no role uses it
        state_machine.node.try_remove_child("DistributedMapPolicy")


def _inbox_of(stage: Stage) -> tuple[str, ...]:
    return ("Inbox",) if stage.inbox else ()


def _output(result_path: str | None) -> dict[str, Any]:
    if result_path is None:
        return {"output_path": "$.Payload"}
    kept = {"goes_on": sfn.JsonPath.object_at("$.Payload.goes_on")} if result_path != sfn.JsonPath.DISCARD else None
    return {"result_path": result_path, "result_selector": kept}


def _is_a(kind: RunKind) -> sfn.Condition:
    return sfn.Condition.string_equals("$.mode", kind.mode)


_X_RAY = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


_RECORDS = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")

_RECORDS_OF_RUNS = "Manifests and records below one prefix of the bucket. Each run forms their keys from its id."
_EXECUTIONS_OF_MAPS = "Executions of the state machine's own maps. Step Functions names them when they start."
_LAST_QUEUE = "This is the dead-letter queue itself. Only people take messages from it."
_NO_RESOURCES = "X-Ray and the delivery of logs to CloudWatch have no resources that a policy could name."
_NOT_OBSERVED = "The emulator has no X-Ray and no delivery of logs. Step Functions has each run's history."
