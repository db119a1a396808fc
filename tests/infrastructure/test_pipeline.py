"""The state machine: its states, what it retries, and what becomes of a failure."""

import json
from datetime import date

import pytest

from infra_cdk.retriers import RETRIERS
from voucher_selection.contract.runs import MODEL, RUN_KINDS
from voucher_selection.domain.errors import HeldBack, NothingToRefresh, RefreshHeldBack
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.requests import RemodelRequest


@pytest.fixture
def machine(each_stage, definition_of):
    return definition_of(each_stage)


@pytest.fixture
def shard(machine):
    return machine["States"]["CleanShards"]["ItemProcessor"]


@pytest.fixture
def customers(machine):
    return machine["States"]["AssignShards"]["ItemProcessor"]


@pytest.fixture
def groups(machine):
    return machine["States"]["MergeShards"]["ItemProcessor"]


def test_a_run_is_ingest_a_map_of_clean_and_model(machine):
    states = machine["States"]

    assert machine["StartAt"] == "ByMode"
    assert states["ByMode"]["Default"] == "Ingest"
    assert states["Ingest"]["Next"] == "ByPlan"
    assert states["ByPlan"]["Default"] == "CleanShards"
    assert states["CleanShards"]["Next"] == "ByGroups"
    assert states["ByGroups"]["Default"] == "Model"
    assert states["Model"]["Next"] == "ByOutcome"


def test_the_shards_of_several_groups_are_merged_by_group_before_model(machine, each_stage, groups):
    states = machine["States"]
    merging = states["MergeShards"]

    assert states["ByGroups"]["Choices"] == [
        {"Variable": "$.groups", "NumericGreaterThan": 1, "Next": "MergeShards"},
    ]
    assert merging["Next"] == "Model"
    assert merging["ItemReader"]["Parameters"] == {"Bucket": "LakeBucket", "Key.$": "$.groups_key"}
    assert merging["ItemSelector"] == {
        "run_id.$": "$.run_id",
        "mode.$": "$.mode",
        "group.$": "$$.Map.Item.Value",
    }
    assert merging["MaxConcurrency"] == each_stage.stage.max_concurrency
    assert groups["States"]["Merge"]["Parameters"] == {
        "FunctionName": states["Model"]["Parameters"]["FunctionName"],
        "Payload": {"run_id.$": "$.run_id", "mode.$": "$.mode", "group.$": "$.group"},
    }


def test_a_group_that_failed_leaves_its_error_beside_the_run_and_model_names_it(machine, groups):
    record = groups["States"]["RecordMergeGroupFailure"]

    assert groups["States"]["Merge"]["Catch"][0]["Next"] == "RecordMergeGroupFailure"
    assert record["Parameters"]["Key.$"] == (
        "States.Format('runs/run_id={}/failures/group-{}.json', $.run_id, $.group.number)"
    )
    assert record["Parameters"]["Body"] == {
        "group.$": "$.group.number",
        "error.$": "$.failure.Error",
        "cause.$": "$.failure.Cause",
    }
    assert record["Next"] == "MergeGroupFailed"
    assert machine["States"]["MergeShards"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.map_error", "Next": "Model"}
    ]


def test_customers_go_from_ingest_to_a_map_of_assign_and_to_model(machine, customers):
    states = machine["States"]

    assert states["ByPlan"]["Choices"] == [
        {"Variable": "$.mode", "StringEquals": "assign", "Next": "AssignShards"},
    ]
    assert states["AssignShards"]["Next"] == "ByGroups"
    assert states["AssignShards"]["ItemSelector"] == {"run_id.$": "$.run_id", "shard.$": "$$.Map.Item.Value"}
    assert customers["States"]["Assign"]["Parameters"]["Payload"] == {"run_id.$": "$.run_id", "shard.$": "$.shard"}


def test_the_map_of_assign_differs_from_that_of_clean_in_its_function_and_names_only(machine):
    text = json.dumps(machine["States"]["CleanShards"]).replace("Clean", "Assign")
    reading = ', "reading.$": "$.reading"'

    assert json.loads(text.replace(reading, "")) == machine["States"]["AssignShards"]


def test_what_needs_no_history_goes_straight_to_model_and_everything_else_to_ingest(machine):
    (without_history,) = machine["States"]["ByMode"]["Choices"]
    modes = [kind.mode for kind in RUN_KINDS if kind.states == (MODEL,)]

    assert without_history["Next"] == "Model"
    # the first two keep an input that is no object, or whose mode is no text, from failing here
    assert without_history["And"] == [
        {"Variable": "$.mode", "IsPresent": True},
        {"Variable": "$.mode", "IsString": True},
        {"Or": [{"Variable": "$.mode", "StringEquals": mode} for mode in modes]},
    ]


def test_model_gets_the_run_its_start_and_the_executions_input(machine):
    assert machine["States"]["Model"]["Parameters"]["Payload"] == {
        "run_id.$": "$$.Execution.Name",
        "started_at.$": "$$.Execution.StartTime",
        "request.$": "$$.Execution.Input",
    }


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_where_the_date_is_today_the_model_is_made_again_every_day(synthesize, name):
    synthesized = synthesize(name)

    rule = synthesized.named("AWS::Events::Rule", "PipelineRefresh")

    assert (rule["ScheduleExpression"], rule["State"]) == ("cron(30 0 * * ? *)", "ENABLED")
    (target,) = rule["Targets"]
    request = parse_request(json.loads(target["Input"]))
    assert request == RemodelRequest(mode="remodel", scheduled=True)
    assert target["Arn"]["Ref"].startswith("PipelineStateMachine")
    assert target["RoleArn"]["Fn::GetAtt"][0].startswith("PipelineRefreshRole")


def test_the_refresh_may_start_the_machine_and_nothing_else(dev):
    (policy,) = (
        properties["PolicyDocument"]
        for properties in dev.resources("AWS::IAM::Policy").values()
        if properties["PolicyName"].startswith("PipelineRefreshRole")
    )

    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "states:StartExecution")
    assert statement["Resource"]["Ref"].startswith("PipelineStateMachine")


def test_a_refresh_that_cannot_be_started_goes_to_a_queue_that_only_its_rule_may_fill(dev):
    (target,) = dev.named("AWS::Events::Rule", "PipelineRefresh")["Targets"]
    queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
    allowed, refused = {}, {}
    for statement in dev.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]:
        (allowed if statement["Effect"] == "Allow" else refused).update(statement)

    assert queue.startswith("PipelineRefreshFailures")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200}
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert "PipelineRefresh" in json.dumps(allowed["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert dev.only("AWS::SQS::Queue")["SqsManagedSseEnabled"] is True


def test_there_is_no_refresh_where_the_date_is_set_or_the_schedule_is_empty(synthesize, local):
    fixed = synthesize("dev", cur_date=date(2018, 9, 15))
    off = synthesize("dev", refresh_schedule="")

    for synthesized in (local, fixed, off):
        assert not [rule for rule in synthesized.resources("AWS::Events::Rule") if rule.startswith("PipelineRefresh")]
        assert not any("Refresh" in role for role in synthesized.resources("AWS::IAM::Role"))


def test_ingest_gets_the_run_and_the_whole_input(machine):
    assert machine["States"]["Ingest"]["Parameters"]["Payload"] == {
        "run_id.$": "$$.Execution.Name",
        "started_at.$": "$$.Execution.StartTime",
        "request.$": "$",
    }


@pytest.mark.parametrize("state", ["Ingest", "Model"])
def test_a_states_output_is_its_functions_result(machine, state):
    assert machine["States"][state]["OutputPath"] == "$.Payload"


def test_the_map_reads_the_manifest_and_starts_an_execution_for_each_shard(machine, each_stage):
    states = machine["States"]["CleanShards"]

    assert states["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert states["ItemReader"]["Resource"].endswith(":states:::s3:getObject")
    assert states["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert states["ItemReader"]["Parameters"] == {"Bucket": "LakeBucket", "Key.$": "$.manifest_key"}
    assert states["MaxConcurrency"] == each_stage.stage.max_concurrency
    assert states["ItemSelector"] == {
        "run_id.$": "$.run_id",
        "reading.$": "$.reading",
        "shard.$": "$$.Map.Item.Value",
    }


def test_the_maps_results_go_to_the_bucket_and_not_into_the_next_state(machine):
    states = machine["States"]["CleanShards"]

    assert states["ResultWriter"]["Parameters"] == {"Bucket": "LakeBucket", "Prefix": "runs/map"}
    assert states["ResultPath"] is None


def test_a_map_that_failed_goes_to_model_which_names_what_is_missing(machine):
    assert machine["States"]["CleanShards"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.map_error", "Next": "Model"}
    ]


def test_a_shard_that_failed_leaves_its_error_beside_the_run_and_fails_with_it(shard):
    states = shard["States"]

    assert states["Clean"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "RecordCleanShardFailure"}
    ]
    record = states["RecordCleanShardFailure"]
    assert record["Resource"].endswith(":states:::aws-sdk:s3:putObject")
    assert record["Parameters"]["Key.$"] == (
        "States.Format('runs/run_id={}/failures/shard-{}.json', $.run_id, $.shard.number)"
    )
    assert record["Parameters"]["Body"] == {
        "shard.$": "$.shard.number",
        "error.$": "$.failure.Error",
        "cause.$": "$.failure.Cause",
    }
    assert record["Next"] == "CleanShardFailed"
    assert states["CleanShardFailed"] == {
        "Type": "Fail",
        "ErrorPath": "$.failure.Error",
        "CausePath": "$.failure.Cause",
    }


@pytest.mark.parametrize("state", ["Ingest", "Model"])
def test_a_failure_of_a_state_is_recorded_whatever_the_input_was(machine, state):
    # no ResultPath: it could not be added to an input that is no object
    assert machine["States"][state]["Catch"] == [{"ErrorEquals": ["States.ALL"], "Next": "RecordFailure"}]


def test_a_failed_run_is_recorded_announced_and_failed_with_its_own_error(machine):
    states = machine["States"]

    record = states["RecordFailure"]
    assert record["Parameters"]["Key.$"] == "States.Format('runs/run_id={}/run.json', $$.Execution.Name)"
    assert record["Parameters"]["Body"] == {
        "run_id.$": "$$.Execution.Name",
        "status": "failed",
        "request.$": "$$.Execution.Input",
        "started_at.$": "$$.Execution.StartTime",
        "failed_at.$": "$$.State.EnteredTime",
        "error.$": "$.Error",
        "cause.$": "$.Cause",
    }
    assert announced_after(machine, record["Next"]) == "ByFailure"
    assert states["ByError"]["Default"] == "NotifyFailure"
    assert states["NotifyFailure"]["Resource"].endswith(":states:::sns:publish")
    assert states["NotifyFailure"]["Next"] == "RunFailed"
    assert states["RunFailed"] == {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"}


def announced_after(machine, state):
    """Return the state that announces a failure, behind the one that asks whether the run is of the inbox."""
    return machine["States"][state]["Default"] if state == "ByNameOfFailed" else state


@pytest.mark.parametrize(("state", "following"), [("RecordFailure", "ByFailure"), ("NotifyFailure", "RunFailed")])
def test_what_cannot_be_recorded_or_announced_does_not_hide_the_failure(machine, state, following):
    (catcher,) = machine["States"][state]["Catch"]
    assert announced_after(machine, catcher.pop("Next")) == following
    assert catcher == {"ErrorEquals": ["States.ALL"], "ResultPath": None}
    assert machine["States"][state]["ResultPath"] is None


def test_a_refresh_that_is_held_back_or_too_early_is_recorded_and_neither_announced_nor_failed(machine):
    assert ends_of_a_refresh(machine) == {RefreshHeldBack.__name__, NothingToRefresh.__name__}
    assert machine["States"]["RefreshEnded"]["Type"] == "Succeed"


def test_a_run_of_a_person_that_is_held_back_is_announced_and_failed(machine):
    assert HeldBack.__name__ not in ends_of_a_refresh(machine)


def ends_of_a_refresh(machine):
    (choice,) = machine["States"]["ByError"]["Choices"]
    assert choice["Next"] == "RefreshEnded"
    return {condition["StringEquals"] for condition in choice["Or"] if condition["Variable"] == "$.Error"}


def test_every_lambda_task_is_tried_again_as_the_retriers_say(machine, shard, customers, groups):
    tasks = [machine["States"]["Ingest"], machine["States"]["Model"], shard["States"]["Clean"]]

    for task in [*tasks, customers["States"]["Assign"], groups["States"]["Merge"]]:
        assert task["Retry"] == [
            {
                "ErrorEquals": [*retrier.errors],
                "IntervalSeconds": retrier.interval,
                "MaxAttempts": retrier.attempts,
                "MaxDelaySeconds": retrier.longest,
                "BackoffRate": 2,
                "JitterStrategy": "FULL",
            }
            for retrier in RETRIERS
        ]


def test_errors_of_the_domain_are_never_retried(machine, shard):
    for task in (machine["States"]["Ingest"], machine["States"]["Model"], shard["States"]["Clean"]):
        retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert retried.isdisjoint({"States.ALL", "States.TaskFailed"})
        assert all("." in error for error in retried), "a class of ours has no dot in its name"


def test_nothing_runs_for_ever(machine, shard, each_stage):
    assert machine["TimeoutSeconds"] == each_stage.stage.run_timeout_seconds
    states = [*machine["States"].values(), *shard["States"].values()]
    assert all(state["TimeoutSeconds"] for state in states if state["Type"] == "Task")
    assert shard["States"]["Clean"]["TimeoutSeconds"] > each_stage.stage.clean_timeout_seconds


def test_the_machine_is_a_standard_one_and_traced_and_logged_on_aws(dev, local):
    on_aws = dev.only("AWS::StepFunctions::StateMachine")
    assert on_aws["StateMachineType"] == "STANDARD"
    assert on_aws["TracingConfiguration"] == {"Enabled": True}
    assert (on_aws["LoggingConfiguration"]["Level"], on_aws["LoggingConfiguration"]["IncludeExecutionData"]) == (
        "ALL",
        False,
    )
    assert "LoggingConfiguration" not in local.only("AWS::StepFunctions::StateMachine")


def test_the_machine_may_do_what_its_states_do_and_no_more(local):
    assert local.rights("PipelineRole") == {
        "lambda:InvokeFunction": {
            *("FunctionsIngest", "FunctionsClean", "FunctionsAssign", "FunctionsModel", "FunctionsInbox")
        },
        "s3:GetObject": {"LakeBucket/runs/*"},
        "s3:PutObject": {"LakeBucket/runs/*"},
        "s3:AbortMultipartUpload": {"LakeBucket/runs/*"},
        "s3:ListMultipartUploadParts": {"LakeBucket/runs/*"},
        "sns:Publish": {"PipelineRunFailures"},
        "events:PutEvents": {"arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default"},
    }


def test_the_machine_may_start_and_stop_its_own_map(each_stage):
    (policy,) = (
        properties
        for properties in each_stage.resources("AWS::IAM::Policy").values()
        if properties["PolicyName"].startswith("PipelineOwnMaps")
    )
    rights = {
        action: statement for statement in policy["PolicyDocument"]["Statement"] for action in _actions(statement)
    }

    assert set(rights) == {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}
    assert "PipelineStateMachine" in json.dumps(rights["states:StartExecution"]["Resource"])
    assert ":execution:" in json.dumps(rights["states:StopExecution"]["Resource"])


def _actions(statement):
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


def test_failures_are_announced_on_an_encrypted_topic(each_stage):
    assert "alias/aws/sns" in json.dumps(each_stage.named("AWS::SNS::Topic", "PipelineRunFailures")["KmsMasterKeyId"])
    (denied,) = each_stage.named("AWS::SNS::TopicPolicy", "PipelineRunFailures")["PolicyDocument"]["Statement"]
    assert denied["Effect"] == "Deny"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
