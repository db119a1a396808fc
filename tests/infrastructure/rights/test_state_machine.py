"""The state machine and the rule have the rights that the definition and the targets need, and no others."""

import json
from collections.abc import Iterator
from typing import Any

from tests.infrastructure.rights.asked_of_iam import with_key
from tests.infrastructure.rights.conftest import Deployed
from tests.infrastructure.rights.definition import asked_by_definition, asked_by_observation
from tests.infrastructure.rights.policies import Request, Statement, fits, is_allowed, many, statements_of, used_by


def asked_by_machine(deployed: Deployed) -> tuple[list[Statement], list[Request]]:
    """The statements of the state machine's role, and what the machine asks."""
    ((name, machine),) = deployed.template.resources("AWS::StepFunctions::StateMachine")
    definition = json.loads(machine["DefinitionString"])
    asked = [*asked_by_definition(definition, deployed.template.arn(name)), *asked_by_observation(machine)]
    if key := deployed.stage.kms_key:
        asked = [each for request in asked for each in with_key(request, key)]
    role = machine["RoleArn"].rpartition("/")[2]
    return statements_of_role(deployed, role), asked


def statements_of_role(deployed: Deployed, name: str) -> list[Statement]:
    (found,) = (
        statements for role, statements in deployed.policies.items() if deployed.template.arn(role).endswith(f"/{name}")
    )
    return found


def test_the_machine_may_do_all_that_its_definition_says(deployed: Deployed):
    statements, asked = asked_by_machine(deployed)

    assert len({request.action for request in asked}) > 5
    assert [request for request in asked if not is_allowed(statements, request)] == []


def test_the_machine_has_no_right_that_its_definition_does_not_need(deployed: Deployed):
    statements, asked = asked_by_machine(deployed)

    unused = {*statements} - used_by(statements, asked)

    assert not unused, "\n".join(sorted(map(str, unused)))


def targets(deployed: Deployed) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ARN of each rule with each of its targets."""
    for name, rule in deployed.template.resources("AWS::Events::Rule"):
        for target in rule["Targets"]:
            yield deployed.template.arn(name), target


def allowed_by_resource(deployed: Deployed, kind: str, service: str, request: Request) -> bool:
    """Whether the policies of the resources of a type allow a service of AWS a request."""
    statements = [
        statement
        for name, properties in deployed.template.resources(kind)
        for part in properties["PolicyDocument"]["Statement"]
        if service in str(part["Principal"]) or "*" in many(part["Principal"]) or part["Principal"] == {"AWS": "*"}
        for statement in statements_of(name, {"Statement": [part]})
    ]
    return is_allowed(statements, request)


def test_each_rule_may_start_what_it_starts_and_its_role_nothing_else(deployed: Deployed):
    found = list(targets(deployed))

    assert found
    for _, target in found:
        statements = statements_of_role(deployed, target["RoleArn"].rpartition("/")[2])
        start = Request("states:StartExecution", target["Arn"])
        assert is_allowed(statements, start)
        assert {*statements} == used_by(statements, [start])


def test_each_rule_may_leave_what_it_could_not_start_in_its_queue(deployed: Deployed):
    for rule, target in targets(deployed):
        send = Request.of(
            "sqs:SendMessage", target["DeadLetterConfig"]["Arn"], aws__SourceArn=rule, aws__SecureTransport="true"
        )
        elsewhere = send._replace(context=Request.of("", "", aws__SourceArn="arn:aws:events:other").context)
        assert allowed_by_resource(deployed, "AWS::SQS::QueuePolicy", "events.amazonaws.com", send)
        assert not allowed_by_resource(deployed, "AWS::SQS::QueuePolicy", "events.amazonaws.com", elsewhere)


def test_alarms_may_tell_their_topic_and_use_its_key(deployed: Deployed):
    actions = {
        arn
        for _, alarm in deployed.template.resources("AWS::CloudWatch::Alarm")
        for kind in ("AlarmActions", "OKActions")
        for arn in alarm.get(kind, [])
    }
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:x"

    assert actions
    for topic in actions:
        tell = Request.of(
            "sns:Publish", topic, aws__SourceArn=alarm, aws__SourceAccount="123456789012", aws__SecureTransport="true"
        )
        assert allowed_by_resource(deployed, "AWS::SNS::TopicPolicy", "cloudwatch.amazonaws.com", tell)
    keys = [key for _, key in deployed.template.resources("AWS::KMS::Key")]
    assert bool(keys) is not bool(deployed.stage.kms_key), "the owner's key has the policy of docs/security.md"
    for key in keys:
        of_alarms = [part for part in key["KeyPolicy"]["Statement"] if "cloudwatch" in str(part["Principal"])]
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert is_allowed(statements_of("key", {"Statement": of_alarms}), Request(action, "*"))


def test_the_messages_of_failed_runs_are_not_refused_by_their_topic(deployed: Deployed):
    """The role's policy allows them; the topic's own must not deny them."""
    statements, asked = asked_by_machine(deployed)
    published = [request for request in asked if request.action == "sns:Publish"]

    assert published
    for request in published:
        denials = [
            statement
            for name, properties in deployed.template.resources("AWS::SNS::TopicPolicy")
            for statement in statements_of(name, properties["PolicyDocument"])
            if fits(statement.resource, request.resource)
        ]
        by_tls = request._replace(context=Request.of("", "", aws__SecureTransport="true").context)
        without = request._replace(context=Request.of("", "", aws__SecureTransport="false").context)
        assert is_allowed([*statements, *denials], by_tls)
        assert not is_allowed([*statements, *denials], without)
