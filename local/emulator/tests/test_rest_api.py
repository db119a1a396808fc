"""REST APIs of API Gateway that a stack makes and changes, and what they answer by themselves."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from conftest import REGION

if TYPE_CHECKING:
    from email.message import Message

    from conftest import Emulator

METHOD_SETTING = {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 50, "MetricsEnabled": True}


class Answer(NamedTuple):
    """What a request got."""

    status: int
    headers: Message
    body: Any


@dataclass
class Api:
    """A stack with an API whose root answers without a function; the test changes its resources and deploys it."""

    emulator: Emulator
    id: str = field(default_factory=lambda: f"api{uuid.uuid4().hex[:8]}")
    resources: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tags = [{"Key": "_custom_id_", "Value": self.id}]
        self.resources["Api"] = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": self.id, "Tags": tags}}
        self.add("Stage", StageName="local")
        self.add_method("Root", {"Fn::GetAtt": ["Api", "RootResourceId"]})

    def add(self, name: str, kind: str | None = None, **properties: Any) -> None:
        """Declare a resource of the API, or another declaration of it."""
        declared = {"RestApiId": {"Ref": "Api"}, **properties}
        self.resources[name] = {"Type": f"AWS::ApiGateway::{kind or name}", "Properties": declared}

    def add_method(self, name: str, resource: dict[str, Any], **properties: Any) -> None:
        answer = {"StatusCode": "200", "ResponseTemplates": {"application/json": json.dumps({"from": name})}}
        request = {"application/json": '{"statusCode": 200}'}
        integration = {"Type": "MOCK", "RequestTemplates": request, "IntegrationResponses": [answer]}
        method = {"HttpMethod": "ANY", "AuthorizationType": "NONE", "MethodResponses": [{"StatusCode": "200"}]}
        self.add(name, "Method", ResourceId=resource, Integration=integration, **method, **properties)

    def deploy(self) -> None:
        """Create or update the stack, with a new deployment in the place of the last, as the CDK does."""
        resources = {name: resource for name, resource in self.resources.items() if name != "Stage"}
        deployment, stage = f"Deployment{uuid.uuid4().hex[:8]}", self.resources["Stage"]
        resources[deployment] = {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": {"Ref": "Api"}},
            "DependsOn": [name for name, of in resources.items() if of["Type"].endswith(("Method", "GatewayResponse"))],
        }
        resources["Stage"] = {**stage, "Properties": {**stage["Properties"], "DeploymentId": {"Ref": deployment}}}
        cloudformation = self.emulator.client("cloudformation")
        known = any(stack["StackName"] == self.id for stack in cloudformation.describe_stacks()["Stacks"])
        change = cloudformation.update_stack if known else cloudformation.create_stack
        change(StackName=self.id, TemplateBody=json.dumps({"Resources": resources}))
        waiter = cloudformation.get_waiter("stack_update_complete" if known else "stack_create_complete")
        waiter.wait(StackName=self.id, WaiterConfig={"Delay": 0.1, "MaxAttempts": 200})

    def stage(self) -> dict[str, Any]:
        stage: dict[str, Any] = self.emulator.client("apigateway").get_stage(restApiId=self.id, stageName="local")
        return stage

    def get(self, path: str = "/", **headers: str) -> Answer:
        url = f"{self.emulator.url}/_aws/execute-api/{self.id}/local{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return Answer(answer.status, answer.headers, json.load(answer))
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.headers, json.load(refused))


@pytest.fixture
def api(emulator: Emulator) -> Api:
    return Api(emulator)


def test_updated_stack_serves_its_new_routes(api: Api) -> None:
    api.deploy()
    before = api.get("/new").status

    api.add("New", "Resource", ParentId={"Fn::GetAtt": ["Api", "RootResourceId"]}, PathPart="new")
    api.add_method("OnNew", {"Ref": "New"})
    api.deploy()

    assert before == 403
    assert (api.get("/new").body, api.get("/").body) == ({"from": "OnNew"}, {"from": "Root"})


def test_created_stage_has_its_method_settings(api: Api) -> None:
    api.add("Stage", StageName="local", MethodSettings=[METHOD_SETTING])
    api.deploy()

    settings = api.stage()["methodSettings"]["*/*"]

    assert (settings["throttlingRateLimit"], settings["metricsEnabled"]) == (50, True)


def test_updated_stage_has_what_is_declared(api: Api) -> None:
    tags = [{"Key": "kept", "Value": "1"}, {"Key": "dropped", "Value": "1"}]
    api.add("Stage", StageName="local", Variables={"kept": "1", "dropped": "1"}, Tags=tags)
    api.deploy()

    api.add(
        "Stage",
        StageName="local",
        Description="changed",
        TracingEnabled=True,
        Variables={"kept": "2"},
        MethodSettings=[
            METHOD_SETTING,
            {**METHOD_SETTING, "ResourcePath": "/~1a~1b", "HttpMethod": "GET"},
            {**METHOD_SETTING, "ResourcePath": "/", "HttpMethod": "POST"},
        ],
        Tags=[{"Key": "kept", "Value": "2"}],
    )
    api.deploy()

    stage = api.stage()
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{api.id}/stages/local"
    assert (stage["description"], stage["tracingEnabled"], stage["variables"]) == ("changed", True, {"kept": "2"})
    assert {name: of["throttlingRateLimit"] for name, of in stage["methodSettings"].items()} == {
        "*/*": 50,
        "~1a~1b/GET": 50,
        "~1/POST": 50,
    }
    assert api.emulator.client("apigateway").get_tags(resourceArn=arn)["tags"] == {"kept": "2"}


def test_updated_method_asks_for_a_key_and_no_longer(api: Api) -> None:
    root, key = {"Fn::GetAtt": ["Api", "RootResourceId"]}, f"key-of-{api.id}-0123456789"
    api.deploy()
    open_to_all = api.get().status

    api.add_method("Root", root, ApiKeyRequired=True)
    api.resources |= {
        "Key": {
            "Type": "AWS::ApiGateway::ApiKey",
            "Properties": {"Enabled": True, "Value": key},
        },
        "Plan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]},
        },
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
        },
    }
    api.deploy()
    without, wrong = api.get().status, api.get(**{"x-api-key": "wrong"}).status
    right = api.get(**{"x-api-key": key})

    api.add_method("Root", root)
    for name in ("Key", "Plan", "PlanKey"):
        del api.resources[name]
    api.deploy()

    assert (open_to_all, without, wrong, right.status) == (200, 403, 403, 200)
    assert right.body == {"from": "Root"}
    assert api.get().status == 200


def test_refusal_has_the_headers_and_the_body_that_are_declared_for_it(api: Api) -> None:
    api.add_method("Root", {"Fn::GetAtt": ["Api", "RootResourceId"]}, ApiKeyRequired=True)
    api.add("Refusal", "GatewayResponse", **refusal(status=403, detail="expected a key"))
    api.deploy()

    answer = api.get()

    assert (answer.status, answer.body) == (403, {"detail": "expected a key", "said": "Forbidden", "by": api.id})
    assert answer.headers.get_all("Content-Type") == ["application/problem+json"]
    assert answer.headers["X-Request-Id"] == answer.headers["x-amzn-RequestId"]


def test_updated_refusal_is_the_new_one(api: Api) -> None:
    api.add_method("Root", {"Fn::GetAtt": ["Api", "RootResourceId"]}, ApiKeyRequired=True)
    api.add("Refusal", "GatewayResponse", **refusal(status=403, detail="before"))
    api.deploy()
    before = api.get()

    api.add("Refusal", "GatewayResponse", **refusal(status=401, detail="after"))
    api.deploy()
    after = api.get()

    assert (before.status, before.body["detail"]) == (403, "before")
    assert (after.status, after.body["detail"]) == (401, "after")


def test_refusal_without_a_declaration_is_that_of_api_gateway(api: Api) -> None:
    api.deploy()

    answer = api.get("/nowhere")

    assert (answer.status, answer.body) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["Content-Type"] == "application/json"


def refusal(*, status: int, detail: str) -> dict[str, Any]:
    """Return the properties of what is answered to a request without a key."""
    body = f'{{"detail": "{detail}", "said": $context.error.messageString, "by": "$context.apiId"}}'
    return {
        "ResponseType": "INVALID_API_KEY",
        "StatusCode": str(status),
        "ResponseParameters": {
            "gatewayresponse.header.Content-Type": "'application/problem+json'",
            "gatewayresponse.header.X-Request-Id": "context.requestId",
        },
        "ResponseTemplates": {"application/json": body},
    }
