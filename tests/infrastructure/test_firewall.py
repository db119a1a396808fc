"""The firewall: on prod, and where a stage asks for it."""

import json

import pytest


@pytest.fixture
def acl(prod):
    return prod.only("AWS::WAFv2::WebACL")


def rules_of(synthesized):
    return {rule["Name"]: rule for rule in synthesized.only("AWS::WAFv2::WebACL")["Rules"]}


@pytest.fixture
def rules(prod):
    return rules_of(prod)


def counted(rules):
    group = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    assert all(rule["ActionToUse"] == {"Count": {}} for rule in group["RuleActionOverrides"])
    return {rule["Name"] for rule in group["RuleActionOverrides"]}


def test_prod_has_one_dev_where_it_asks_for_it_and_the_emulator_none(prod, dev, local, synthesize):
    assert [len(stage.resources("AWS::WAFv2::WebACL")) for stage in (prod, dev, local)] == [1, 0, 0]
    assert synthesize("dev", waf=True).only("AWS::WAFv2::WebACL")["Scope"] == "REGIONAL"
    assert not synthesize("prod", waf=False).resources("AWS::WAFv2::WebACLAssociation")


def test_it_stands_before_the_apis_stage(prod):
    association = prod.only("AWS::WAFv2::WebACLAssociation")

    arn = json.dumps(association["ResourceArn"])
    assert "/restapis/" in arn
    assert "ApiRestApiDeploymentStageprod" in arn
    assert association["WebACLArn"]["Fn::GetAtt"][0].startswith("FirewallAcl")


def test_a_request_that_no_rule_refuses_is_let_through(acl):
    assert acl["DefaultAction"] == {"Allow": {}}


def test_the_common_rules_and_known_bad_inputs_are_awss(rules):
    groups = {
        name: rule["Statement"]["ManagedRuleGroupStatement"]
        for name, rule in rules.items()
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }

    assert set(groups) == {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}
    assert all(group["VendorName"] == "AWS" for group in groups.values())
    assert all(rules[name]["OverrideAction"] == {"None": {}} for name in groups)


def test_a_batch_of_customers_and_a_program_without_a_name_are_let_through(rules):
    assert counted(rules) == {"SizeRestrictions_BODY", "NoUserAgent_HEADER"}


def test_a_source_at_an_ip_address_is_let_through_where_callers_start_runs(guarded):
    assert counted(rules_of(guarded)) == {"SizeRestrictions_BODY", "NoUserAgent_HEADER", "GenericRFI_BODY"}


def test_the_versions_of_the_rules_are_those_of_the_settings_or_follow_aws(rules, guarded):
    def versions(rules):
        statements = [rule["Statement"].get("ManagedRuleGroupStatement", {}) for rule in rules.values()]
        return {statement["Name"]: statement.get("Version") for statement in statements if statement}

    assert versions(rules_of(guarded)) == {
        "AWSManagedRulesCommonRuleSet": "Version_1.19",
        "AWSManagedRulesKnownBadInputsRuleSet": "Version_1.22",
    }
    assert set(versions(rules).values()) == {None}


def test_it_logs_blocked_requests_only_without_keys_queries_and_cookies(prod):
    logging = prod.only("AWS::WAFv2::LoggingConfiguration")

    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert [kept["Conditions"] for kept in logging["LoggingFilter"]["Filters"]] == [
        [{"ActionCondition": {"Action": "BLOCK"}}]
    ]
    assert logging["RedactedFields"] == [
        {"QueryString": {}},
        *({"SingleHeader": {"Name": name}} for name in ("x-api-key", "authorization", "cookie")),
    ]
    assert logging["ResourceArn"]["Fn::GetAtt"][0].startswith("FirewallAcl")


def test_its_log_has_the_name_that_it_demands_the_cheaper_class_and_ends_like_others(prod):
    group = prod.named("AWS::Logs::LogGroup", "FirewallBlocked")
    (destination,) = prod.only("AWS::WAFv2::LoggingConfiguration")["LogDestinationConfigs"]

    assert group["LogGroupName"] == "aws-waf-logs-VoucherSelection-prod"
    assert (group["LogGroupClass"], group["RetentionInDays"]) == ("INFREQUENT_ACCESS", prod.stage.log_days)
    assert destination["Fn::Join"][1][-1]["Ref"].startswith("FirewallBlocked"), "an ARN without :* at its end"


def test_a_log_with_metrics_or_a_metric_filter_has_the_standard_class(prod):
    cheaper = [name for name, group in prod.resources("AWS::Logs::LogGroup").items() if "LogGroupClass" in group]
    filtered = [each["LogGroupName"]["Ref"] for each in prod.resources("AWS::Logs::MetricFilter").values()]

    assert [name[:15] for name in cheaper] == ["FirewallBlocked"]
    assert filtered
    assert not set(cheaper) & set(filtered)


def test_an_address_that_asks_too_often_is_refused_first(synthesize):
    rules = synthesize("dev", waf=True, waf_rate_limit=1234).only("AWS::WAFv2::WebACL")["Rules"]

    first = min(rules, key=lambda rule: rule["Priority"])
    assert first["Action"] == {"Block": {}}
    assert first["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 1234,
    }


def test_the_limit_of_an_address_is_what_the_stage_takes_from_all(prod):
    # who asks for more than that in five minutes leaves nothing to the others
    assert prod.stage.waf_rate_limit == prod.stage.rate_limit * 5 * 60


def test_it_keeps_no_samples_of_requests_with_their_addresses_and_keys(acl, rules):
    settings = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in rules.values())]

    assert not [setting for setting in settings if setting["SampledRequestsEnabled"]]
