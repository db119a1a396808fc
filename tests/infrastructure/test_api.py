"""The REST API: routes, keys, throttling, logs and address."""

import json


def methods(synthesized):
    """Whether each route needs a key, by method and path."""
    paths = {
        name: properties["PathPart"] for name, properties in synthesized.resources("AWS::ApiGateway::Resource").items()
    }
    return {
        f"{method['HttpMethod']} /{paths.get(method['ResourceId'].get('Ref'), '')}": method.get("ApiKeyRequired", False)
        for method in synthesized.resources("AWS::ApiGateway::Method").values()
    }


def test_the_local_api_is_open(local):
    assert methods(local) == {"ANY /": False, "ANY /{proxy+}": False}
    assert not local.resources("AWS::ApiGateway::ApiKey")


def test_on_aws_every_route_but_health_needs_a_key(dev):
    assert methods(dev) == {"ANY /": True, "ANY /{proxy+}": True, "GET /health": False}


def test_a_stage_on_aws_may_be_opened(synthesize):
    assert not any(methods(synthesize("dev", auth="none")).values())


def test_every_route_is_a_proxy_to_the_function(each_stage):
    for method in each_stage.resources("AWS::ApiGateway::Method").values():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert "FunctionsApi" in json.dumps(method["Integration"]["Uri"])
    assert each_stage.only("AWS::Lambda::Permission")["Principal"] == "apigateway.amazonaws.com"


def test_the_stage_and_the_plan_of_its_key_are_throttled(synthesize):
    synthesized = synthesize("dev", rate_limit=7, burst_limit=9)

    (settings,) = synthesized.only("AWS::ApiGateway::Stage")["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (7, 9)
    assert synthesized.only("AWS::ApiGateway::UsagePlan")["Throttle"] == {"RateLimit": 7, "BurstLimit": 9}


def test_the_api_is_regional_and_its_stage_is_named_like_the_deployments(each_stage):
    assert each_stage.only("AWS::ApiGateway::RestApi")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert each_stage.only("AWS::ApiGateway::Stage")["StageName"] == each_stage.stage.name


def test_access_logs_on_aws_say_what_happened_and_not_who_asked(prod):
    stage = prod.only("AWS::ApiGateway::Stage")

    fields = json.loads(stage["AccessLogSetting"]["Format"])
    assert fields["status"] == "$context.status"
    assert not [value for value in fields.values() if "identity" in value or "authorizer" in value or "path}" in value]


def test_the_emulator_gets_neither_access_logs_nor_a_role_for_them(local):
    assert "AccessLogSetting" not in local.only("AWS::ApiGateway::Stage")
    assert not local.resources("AWS::ApiGateway::Account")


def test_the_accounts_log_role_stays_when_the_stack_goes(dev):
    dev.template.has_resource("AWS::ApiGateway::Account", {"DeletionPolicy": "Retain"})


def test_the_local_api_has_a_fixed_address(local, synthesize):
    assert {"Key": "_custom_id_", "Value": "voucher"} in local.only("AWS::ApiGateway::RestApi")["Tags"]
    assert local.json["Outputs"]["ApiUrl"]["Value"] == "https://localhost:4566/_aws/execute-api/voucher/local/"
    other = synthesize("local", public_endpoint="https://localhost:4577/")
    assert other.json["Outputs"]["ApiUrl"]["Value"] == "https://localhost:4577/_aws/execute-api/voucher/local/"


def test_on_aws_the_address_is_api_gateways(dev):
    assert "execute-api" in json.dumps(dev.json["Outputs"]["ApiUrl"]["Value"])
    assert "Tags" not in dev.only("AWS::ApiGateway::RestApi")
