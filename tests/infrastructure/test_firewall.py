"""The firewall: on prod, and where a stage asks for it."""

import json

import pytest


@pytest.fixture
def acl(prod):
    return prod.only("AWS::WAFv2::WebACL")


@pytest.fixture
def rules(acl):
    return {rule["Name"]: rule for rule in acl["Rules"]}


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
    group = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]

    assert {rule["Name"]: rule["ActionToUse"] for rule in group["RuleActionOverrides"]} == {
        "SizeRestrictions_BODY": {"Count": {}},
        "NoUserAgent_HEADER": {"Count": {}},
    }


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
