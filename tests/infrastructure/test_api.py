"""The REST API: routes, keys, its own answers, throttling, logs and address."""

import json

import pytest

from voucher_selection.api import openapi
from voucher_selection.contract.api import API_KEY_REQUIRED, OF_EVERY_ROUTE


def methods(synthesized):
    """Whether each route needs a key, by method and path."""
    resources = synthesized.resources("AWS::ApiGateway::Resource")

    def path(logical_id):
        if logical_id not in resources:
            return ""
        return f"{path(resources[logical_id]['ParentId'].get('Ref'))}/{resources[logical_id]['PathPart']}"

    return {
        f"{method['HttpMethod']} {path(method['ResourceId'].get('Ref')) or '/'}": method.get("ApiKeyRequired", False)
        for method in synthesized.resources("AWS::ApiGateway::Method").values()
    }


def refusals(synthesized):
    """API Gateway's own answers by type: status, headers and body."""
    return {
        properties["ResponseType"]: (
            properties.get("StatusCode"),
            {name.removeprefix("gatewayresponse.header."): value
             for name, value in properties["ResponseParameters"].items()},
            json.loads(properties["ResponseTemplates"]["application/json"]),
        )
        for properties in synthesized.resources("AWS::ApiGateway::GatewayResponse").values()
    }  # fmt: skip


def test_the_local_api_is_open(local):
    assert methods(local) == {"ANY /": False, "ANY /{proxy+}": False}
    assert not local.resources("AWS::ApiGateway::ApiKey")


SHELLS = ("/", "/search_voucher", "/segments", "/report", "/runs", "/runs/{run_id}")
OPEN = ("/health", "/openapi.json", "/docs", "/docs/{file}")


def test_on_aws_whatever_holds_data_needs_a_key(dev):
    assert {route for route, needs_key in methods(dev).items() if needs_key} == {
        *(f"{method} /{{proxy+}}" for method in ("ANY", "GET", "POST")),
        *(f"{method} {path}" for path in SHELLS for method in ("ANY", "POST")),
    }
    assert {route for route, needs_key in methods(dev).items() if not needs_key} == {
        "OPTIONS /{proxy+}",
        *(f"ANY {path}" for path in OPEN),
        *(f"{method} {path}" for path in SHELLS for method in ("GET", "HEAD", "OPTIONS")),
    }


@pytest.fixture(scope="module")
def signing(synthesize):
    """The dev stage where requests are signed."""
    return synthesize("dev", auth="iam")


def signed(synthesized):
    """The logical paths whose methods ask for a signature, and those that do not."""
    kinds = {True: set(), False: set()}
    resources = synthesized.resources("AWS::ApiGateway::Resource")
    for method in synthesized.resources("AWS::ApiGateway::Method").values():
        part = resources.get(method["ResourceId"].get("Ref"), {}).get("PathPart", "/")
        kinds[method["AuthorizationType"] == "AWS_IAM"].add((method["HttpMethod"], part))
    return kinds[True], kinds[False]


def test_with_iam_whatever_holds_data_needs_a_signature_pages_too(signing):
    with_signature, without = signed(signing)

    assert not any(methods(signing).values())
    assert with_signature == {
        (method, part)
        for part in ("/", "search_voucher", "segments", "report", "runs", "{run_id}", "{proxy+}")
        for method in ("ANY", "GET", "POST")
    }
    assert {part for method, part in without if method != "OPTIONS"} == {"health", "openapi.json", "docs", "{file}"}
    assert {part for method, part in without if method == "OPTIONS"} == {part for _, part in with_signature}


def test_nothing_else_asks_for_a_signature(each_stage):
    assert signed(each_stage)[0] == set()


@pytest.mark.parametrize(
    "kind", ["ACCESS_DENIED", "EXPIRED_TOKEN", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN"]
)
def test_with_iam_who_does_not_sign_is_told_to(signing, kind):
    status, _, body = refusals(signing)[kind]

    assert (status, body["code"]) == ("403", "signature_required")
    assert "Signature Version 4" in body["detail"]


def test_with_iam_there_is_no_key_and_no_plan(signing):
    assert not signing.resources("AWS::ApiGateway::ApiKey")
    assert not signing.resources("AWS::ApiGateway::UsagePlan")
    assert "ApiKeyId" not in signing.json["Outputs"]


def test_a_key_has_a_quota_where_the_stage_sets_one(synthesize, dev):
    limited = synthesize("dev", quota_per_day=500).only("AWS::ApiGateway::UsagePlan")

    assert limited["Quota"] == {"Limit": 500, "Period": "DAY"}
    assert "Quota" not in dev.only("AWS::ApiGateway::UsagePlan")


def test_the_routes_without_a_key_are_those_of_the_document(dev):
    documented = {
        (method.upper(), path)
        for path, told in openapi.document("api_key")["paths"].items()
        for method, operation in told.items()
        if not operation["security"]
    }

    assert documented == {("GET", path) for path in (*SHELLS, *OPEN)}


def test_api_gateways_own_answers_are_problems_with_an_id(each_stage):
    found = refusals(each_stage)

    assert set(found) == {
        "INVALID_API_KEY", "ACCESS_DENIED", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "QUOTA_EXCEEDED",
        "REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE", "DEFAULT_4XX", "DEFAULT_5XX",
    }  # fmt: skip
    for status, headers, body in found.values():
        assert headers["Content-Type"] == "'application/problem+json'"
        assert headers["X-Request-Id"] == "context.requestId"
        assert (body["type"], bool(body["detail"])) == ("about:blank", True)
        assert status is None or int(status) == body["status"]


def test_the_document_knows_the_codes_of_api_gateways_own_answers(dev):
    documented = {(status.value, code) for status, code in (*OF_EVERY_ROUTE, API_KEY_REQUIRED)}
    answered = {(int(status), body["code"]) for status, _, body in refusals(dev).values() if status}

    # A method that nobody knows belongs to no operation; other refusals have the status of their cause.
    assert answered - documented == {(405, "method_not_allowed")}
    assert {code for _, code in documented - answered} == {"gateway_error"}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("INVALID_API_KEY", "403", "api_key_required"),
        ("THROTTLED", "429", "throttled"),
        ("REQUEST_TOO_LARGE", "413", "body_too_large"),
        ("INTEGRATION_TIMEOUT", "504", "gateway_timeout"),
    ],
)
def test_a_refusal_has_its_status_and_code(dev, kind, status, code):
    found_status, _, body = refusals(dev)[kind]

    assert (found_status, body["code"]) == (status, code)


def test_who_is_throttled_is_told_when_to_try_again(dev):
    assert refusals(dev)["THROTTLED"][1]["Retry-After"] == "'1'"


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ((), None),
        (("https://a.example",), "'https://a.example'"),
        (("https://a.example", "*"), "'*'"),
        (("https://a.example", "https://b.example"), None),
    ],
)
def test_a_page_may_read_a_refusal_where_one_fixed_header_can_let_it(synthesize, origins, allowed):
    _, headers, _ = refusals(synthesize("dev", cors_origins=origins))["THROTTLED"]

    assert headers.get("Access-Control-Allow-Origin") == allowed


def test_a_stage_on_aws_may_be_opened(synthesize):
    assert not any(methods(synthesize("dev", auth="none")).values())


def test_every_route_is_a_proxy_to_the_function(each_stage):
    for method in each_stage.resources("AWS::ApiGateway::Method").values():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert "FunctionsApi" in json.dumps(method["Integration"]["Uri"])


HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
CLOSED_LIMITS, OPEN_LIMITS = (100, 200), (10, 20)


def limits(synthesized):
    """The limits of each method and path that API Gateway has, `ANY` as the HTTP methods that it stands for there."""
    by_method = {
        (setting["HttpMethod"], setting["ResourcePath"]): (
            setting["ThrottlingRateLimit"],
            setting["ThrottlingBurstLimit"],
        )
        for setting in synthesized.only("AWS::ApiGateway::Stage")["MethodSettings"]
    }
    declared = [route.split(" ") for route in methods(synthesized)]
    found = {}
    for method, path in declared:
        others = [other for other in HTTP_METHODS if [other, path] not in declared]
        key = "/" if path == "/" else "/" + path.replace("/", "~1")
        for each in others if method == "ANY" else [method]:
            found[each, path] = by_method.get((each, key), by_method["*", "/*"])
    return found


@pytest.fixture(params=["dev", "signing"])
def with_proof(request):
    """A stage that asks for a proof: a key or a signature."""
    return request.getfixturevalue(request.param)


def test_each_method_that_strangers_may_call_has_a_low_limit_of_its_own(with_proof):
    found = limits(with_proof)

    shells_are_open = with_proof.stage.auth == "api_key"
    assert {found[method, path] for path in OPEN for method in HTTP_METHODS} == {OPEN_LIMITS}
    assert {found["OPTIONS", path] for path in (*SHELLS, "/{proxy+}")} == {OPEN_LIMITS}
    assert {found["GET", path] for path in SHELLS} == {OPEN_LIMITS if shells_are_open else CLOSED_LIMITS}


def test_the_methods_that_callers_use_with_a_proof_have_the_limit_of_the_stage(with_proof):
    found = limits(with_proof)

    assert {found[method, "/{proxy+}"] for method in ("GET", "POST")} == {CLOSED_LIMITS}
    assert {found["POST", path] for path in SHELLS} == {CLOSED_LIMITS}


def test_where_everything_is_open_the_limit_of_the_stage_holds_for_everything(synthesize):
    assert set(limits(synthesize("dev", auth="none")).values()) == {CLOSED_LIMITS}


def test_api_gateway_takes_all_limits_in_one_update(with_proof):
    # it refuses "too large" updates; 80 changes at once are known to work, and a setting is four of them
    assert len(with_proof.only("AWS::ApiGateway::Stage")["MethodSettings"]) <= 80 / 4


def test_the_limits_are_those_of_the_settings_also_for_each_key(synthesize):
    chosen = {"rate_limit": 7, "burst_limit": 9, "open_rate_limit": 3, "open_burst_limit": 4}
    synthesized = synthesize("dev", **chosen)

    assert set(limits(synthesized).values()) == {(7, 9), (3, 4)}
    assert synthesized.only("AWS::ApiGateway::UsagePlan")["Throttle"] == {"RateLimit": 7, "BurstLimit": 9}


def test_the_api_is_regional_and_its_stage_is_named_like_the_deployments(each_stage):
    assert each_stage.only("AWS::ApiGateway::RestApi")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert each_stage.only("AWS::ApiGateway::Stage")["StageName"] == each_stage.stage.name


def test_on_aws_the_apis_own_address_takes_tls_1_2_at_least(dev, prod, local):
    assert [stage.only("AWS::ApiGateway::RestApi").get("SecurityPolicy") for stage in (dev, prod, local)] == [
        "TLS_1_2",
        "TLS_1_2",
        None,
    ]


def test_access_logs_on_aws_say_what_happened_and_not_who_asked(prod):
    stage = prod.only("AWS::ApiGateway::Stage")

    fields = json.loads(stage["AccessLogSetting"]["Format"])
    assert fields["status"] == "$context.status"
    assert not [value for value in fields.values() if "identity" in value or "authorizer" in value or "path}" in value]


def test_api_gateways_own_log_has_its_errors_only_and_is_kept_as_long_as_others(prod):
    settings = prod.only("AWS::ApiGateway::Stage")["MethodSettings"]
    group = prod.named("AWS::Logs::LogGroup", "ApiGatewayLogs")

    assert {(setting["LoggingLevel"], setting["DataTraceEnabled"]) for setting in settings} == {("ERROR", False)}
    assert group["LogGroupName"]["Fn::Join"][1][0] == "API-Gateway-Execution-Logs_"
    assert group["LogGroupName"]["Fn::Join"][1][-1] == "/prod"
    assert group["RetentionInDays"] == prod.stage.log_days


def test_the_emulator_gets_neither_access_logs_nor_a_role_for_them(local):
    assert "AccessLogSetting" not in local.only("AWS::ApiGateway::Stage")
    assert not local.resources("AWS::ApiGateway::Account")


def test_the_accounts_log_role_is_left_alone_unless_the_stack_is_told_to_make_one(dev, prod, guarded):
    assert [len(stage.resources("AWS::ApiGateway::Account")) for stage in (dev, prod, guarded)] == [0, 0, 1]


def test_a_log_role_that_the_stack_made_stays_for_the_account_when_the_stack_goes(guarded):
    guarded.template.has_resource("AWS::ApiGateway::Account", {"DeletionPolicy": "Retain"})
    role = guarded.only("AWS::ApiGateway::Account")["CloudWatchRoleArn"]["Fn::GetAtt"][0]
    assert guarded.json["Resources"][role]["DeletionPolicy"] == "Retain"


def test_the_local_api_has_a_fixed_address(local, synthesize):
    assert {"Key": "_custom_id_", "Value": "voucher"} in local.only("AWS::ApiGateway::RestApi")["Tags"]
    assert local.json["Outputs"]["ApiUrl"]["Value"] == "https://localhost:4566/_aws/execute-api/voucher/local/"
    other = synthesize("local", endpoint="https://localhost:4577/")
    assert other.json["Outputs"]["ApiUrl"]["Value"] == "https://localhost:4577/_aws/execute-api/voucher/local/"


def test_on_aws_the_address_is_api_gateways(dev):
    assert "execute-api" in json.dumps(dev.json["Outputs"]["ApiUrl"]["Value"])
    assert "_custom_id_" not in {tag["Key"] for tag in dev.only("AWS::ApiGateway::RestApi")["Tags"]}
