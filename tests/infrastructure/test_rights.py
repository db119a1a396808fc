"""What the roles of a stage may do together: nothing by a wildcard, nothing beyond their boundary."""

import json

import pytest

from tests.infrastructure.conftest import plain, rights_of

FUNCTIONS = ("Ingest", "Clean", "Assign", "Model", "WhatIf", "Api")


def policies(synthesized):
    """The documents of all policies of roles, by role or policy."""
    inline = {
        f"{role} {policy['PolicyName']}": policy["PolicyDocument"]
        for role, properties in synthesized.resources("AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
    }
    attached = synthesized.resources("AWS::IAM::Policy")
    return inline | {name: properties["PolicyDocument"] for name, properties in attached.items()}


def statements(synthesized):
    return [(name, statement) for name, found in policies(synthesized).items() for statement in found["Statement"]]


def test_no_action_is_a_wildcard(each_stage):
    found = statements(each_stage)

    assert len(found) > len(FUNCTIONS)
    assert not [name for name, statement in found if "*" in json.dumps(statement["Action"])]


def test_what_has_no_resources_to_name_is_tracing_and_the_delivery_of_logs(dev, prod, local):
    traces = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    of_the_machine = {
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    }
    for synthesized in (dev, prod):
        everywhere = {
            role: {action for action, resources in synthesized.rights(role).items() if "*" in resources}
            for role in (*(f"Functions{name}Role" for name in FUNCTIONS), "PipelineRole")
        }
        assert everywhere.pop("PipelineRole") == traces | of_the_machine
        of_requests = {f"Functions{name}Role": everywhere.pop(f"Functions{name}Role") for name in ("Api", "WhatIf")}
        assert not any(of_requests.values())
        assert all(actions == traces for actions in everywhere.values())
    assert not [name for name, statement in statements(local) if statement["Resource"] == "*"]


def test_clean_cannot_reach_the_catalog(each_stage):
    assert "CatalogTable" not in json.dumps(each_stage.rights("FunctionsCleanRole"), default=sorted)


@pytest.mark.parametrize("name", ["Api", "WhatIf"])
def test_what_answers_requests_can_write_neither_objects_nor_items(each_stage, name):
    """Only an API that may start runs lets its callers upload files for them."""
    rights = each_stage.rights(f"Functions{name}Role")
    takes_uploads = name == "Api" and each_stage.stage.start_runs

    assert {action for action in rights if action.startswith(("s3:", "dynamodb:"))} == {
        "s3:GetObject",
        "s3:ListBucket",
        "dynamodb:GetItem",
        "dynamodb:Query",
        *(["s3:PutObject"] if takes_uploads else []),
    }


def test_only_model_writes_to_the_catalog(each_stage):
    writers = {
        name
        for name in FUNCTIONS
        if each_stage.rights(f"Functions{name}Role").keys() & {"dynamodb:PutItem", "dynamodb:BatchWriteItem"}
    }

    assert writers == {"Model"}


def test_no_function_deletes_objects_and_only_ingest_reads_uploads(each_stage):
    rights = {name: each_stage.rights(f"Functions{name}Role") for name in FUNCTIONS}

    assert not [action for of_one in rights.values() for action in of_one if "Delete" in action]
    assert {name for name in FUNCTIONS if "LakeBucket/uploads/*" in rights[name].get("s3:GetObject", ())} == {"Ingest"}


def test_the_machine_watches_and_stops_executions_of_its_own_maps_only(each_stage):
    attached = each_stage.resources("AWS::IAM::Policy")
    (own_maps,) = (policy for name, policy in attached.items() if name.startswith("PipelineOwnMaps"))

    start = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<name>"
    executions = {f"{start}:*", f"{start}/*"}
    assert rights_of(own_maps["PolicyDocument"]["Statement"]) == {
        "states:StartExecution": {"PipelineStateMachine"},
        "states:DescribeExecution": executions,
        "states:StopExecution": executions,
    }


def test_no_other_policy_is_attached_to_a_role_but_that_of_the_refresh(dev, local):
    def attached(synthesized):
        return {plain({"Ref": name}) for name in synthesized.resources("AWS::IAM::Policy")}

    assert attached(dev) == {"PipelineOwnMaps", "PipelineRefreshRoleDefaultPolicy"}
    assert attached(local) == {"PipelineOwnMaps", "PipelineInboxRuns"}


def test_every_role_is_taken_by_one_service(guarded):
    services = {
        role: [statement["Principal"]["Service"] for statement in properties["AssumeRolePolicyDocument"]["Statement"]]
        for role, properties in guarded.resources("AWS::IAM::Role").items()
    }

    of_api_gateway = [service for role, (service,) in services.items() if role.startswith("ApiRestApiCloudWatchRole")]
    assert of_api_gateway == ["apigateway.amazonaws.com"]
    assert {service for (service,) in services.values()} == {
        "apigateway.amazonaws.com",
        "codedeploy.amazonaws.com",
        "events.amazonaws.com",
        "lambda.amazonaws.com",
        "states.amazonaws.com",
    }


def test_api_gateways_role_writes_logs_and_has_nothing_else(guarded):
    role = guarded.named("AWS::IAM::Role", "ApiRestApiCloudWatchRole")

    assert "Policies" not in role
    (policy,) = role["ManagedPolicyArns"]
    assert json.dumps(policy).endswith('iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]]}')


def test_only_this_api_may_invoke_the_function_from_outside(each_stage):
    found = each_stage.resources("AWS::Lambda::Permission").values()
    callers = {(permission["Principal"], plain(permission["SourceArn"]).split("/")[0]) for permission in found}
    rules = {rule for caller, rule in callers if caller == "events.amazonaws.com"}

    assert {caller for caller, _ in callers} - {"events.amazonaws.com"} == {"apigateway.amazonaws.com"}
    assert all("ApiRestApi" in plain(each["SourceArn"]) for each in found if each["Principal"].startswith("apigateway"))
    expected = {"ObservabilityWatch": each_stage.stage.monitoring, "PipelineInboxArrivals": each_stage.stage.inbox}
    assert rules == {rule for rule, is_there in expected.items() if is_there}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("arn:aws:iam::123456789012:policy/team/boundary", "arn:aws:iam::123456789012:policy/team/boundary"),
        ("team-boundary", "arn:<AWS::Partition>:iam::<AWS::AccountId>:policy/team-boundary"),
    ],
)
def test_a_boundary_bounds_every_role(synthesize, given, expected):
    roles = synthesize("dev", permissions_boundary=given).resources("AWS::IAM::Role")

    assert len(roles) > len(FUNCTIONS)
    assert {plain(role["PermissionsBoundary"]) for role in roles.values()} == {expected}


def test_without_a_boundary_no_role_has_one(each_stage):
    assert not [role for role in each_stage.resources("AWS::IAM::Role").values() if "PermissionsBoundary" in role]
