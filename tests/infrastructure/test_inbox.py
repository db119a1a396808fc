"""The inbox on a stage: off unless it is set, told of each arrival and each end, and without rights beyond that."""

import json

import pytest

from tests.infrastructure.conftest import plain, rights_of


@pytest.fixture(scope="module")
def with_inbox(synthesize):
    return synthesize("dev", inbox=True)


@pytest.fixture
def machine(with_inbox, definition_of):
    return definition_of(with_inbox)


def test_only_the_local_stage_has_an_inbox_unless_it_is_set(local, dev, prod, definition_of):
    for synthesized, has_one in ((local, True), (dev, False), (prod, False)):
        assert ("InboxAfterSuccess" in definition_of(synthesized)["States"]) is has_one
        assert any("PipelineInbox" in name for name in synthesized.resources("AWS::Events::Rule")) is has_one
        buckets = synthesized.resources("AWS::S3::Bucket").values()
        assert any("NotificationConfiguration" in bucket for bucket in buckets) is has_one


def test_the_bucket_tells_of_each_arrival_without_a_function_that_sets_it_up(with_inbox):
    notified = with_inbox.named("AWS::S3::Bucket", "LakeBucket")["NotificationConfiguration"]
    rule = with_inbox.named("AWS::Events::Rule", "PipelineInboxArrivals")

    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not [kind for kind in with_inbox.template.to_json()["Resources"].values() if "Notifications" in kind["Type"]]
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "inbox/"}]}
    assert plain(rule["EventPattern"]["detail"]["bucket"]["name"][0]) == "LakeBucket"


def test_somebody_looks_again_for_what_was_missed_but_not_in_the_emulator(with_inbox, local):
    look = with_inbox.named("AWS::Events::Rule", "PipelineInboxLook")

    assert look["ScheduleExpression"] == "rate(15 minutes)"
    assert not any("Look" in name for name in local.resources("AWS::Events::Rule"))


@pytest.mark.parametrize("rule", ["PipelineInboxArrivals", "PipelineInboxLook"])
def test_what_does_not_reach_the_function_lies_in_a_queue(with_inbox, rule):
    (target,) = with_inbox.named("AWS::Events::Rule", rule)["Targets"]

    assert plain(target["Arn"]) == "FunctionsInbox"
    assert plain(target["DeadLetterConfig"]["Arn"]) == "PipelineInboxFailures"
    assert "PipelineStateMachine" in json.dumps(target["Input"])
    assert with_inbox.named("AWS::SQS::Queue", "PipelineInboxFailures")["SqsManagedSseEnabled"] is True


def test_the_machine_tells_the_inbox_of_the_end_of_its_runs_and_of_no_others(machine):
    states = machine["States"]

    for choice, told, others in (
        ("ByName", "InboxAfterSuccess", "RunEnded"),
        ("ByNameOfFailed", "InboxAfterFailure", "ByFailure"),
    ):
        (condition,) = states[choice]["Choices"]
        assert condition == {"Variable": "$$.Execution.Name", "StringMatches": "inbox-*", "Next": told}
        assert states[choice]["Default"] == others
        assert states[told]["Parameters"]["Payload"] == {
            "state_machine_arn.$": "$$.StateMachine.Id",
            "ended.$": "$$.Execution.Name",
        }
        assert states[told]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": others}]
    assert states["ByOutcome"]["Default"] == states["SendModelPublished"]["Next"] == "ByName"
    assert states["InboxAfterSuccess"]["ResultPath"] is None, "the run's result stays Model's"


def test_a_failure_is_announced_only_if_no_other_run_tries_the_files(machine):
    states = machine["States"]
    (goes_on,) = states["ByAnswer"]["Choices"]

    assert states["InboxAfterFailure"]["Next"] == "ByAnswer"
    assert states["InboxAfterFailure"]["ResultSelector"] == {"goes_on.$": "$.Payload.goes_on"}
    assert states["InboxAfterFailure"]["ResultPath"] == "$.inbox"
    assert goes_on == {"Variable": "$.inbox.goes_on", "BooleanEquals": True, "Next": "InboxGoesOn"}
    assert states["ByAnswer"]["Default"] == "ByFailure"
    assert states["InboxGoesOn"]["Type"] == "Succeed"


def test_the_inbox_reads_records_writes_results_and_moves_its_lease(with_inbox):
    rights = with_inbox.rights("FunctionsInboxRole")
    policy = with_inbox.named("AWS::IAM::Policy", "PipelineInboxRuns")
    runs = rights_of(policy["PolicyDocument"]["Statement"])

    assert {action: found for action, found in rights.items() if not action.startswith(("logs:", "xray:"))} == {
        "s3:ListBucket": {"LakeBucket"},
        "s3:GetObject": {"LakeBucket/runs/*"},
        "s3:PutObject": {"LakeBucket/runs/*", "LakeBucket/inbox-results/*"},
        "dynamodb:GetItem": {"CatalogTable"},
        "dynamodb:UpdateItem": {"CatalogTable"},
    }
    assert runs["states:StartExecution"] == {"PipelineStateMachine"}
    assert set(runs) == {"states:StartExecution", "states:DescribeExecution"}


def test_the_inbox_starts_without_analytics_and_knows_its_overlap(synthesize):
    function = synthesize("dev", inbox=True, inbox_overlap="replace").function("inbox")

    assert len(function["Layers"]) == 1
    assert function["Environment"]["Variables"]["INBOX_OVERLAP"] == "replace"


def test_alarms_watch_the_inbox(with_inbox, dev):
    def headings(synthesized):
        alarms = synthesized.resources("AWS::CloudWatch::Alarm").values()
        return {alarm["AlarmName"].partition(": ")[2] for alarm in alarms}

    assert headings(with_inbox) - headings(dev) == {"The inbox was not told", "The inbox fails"}
