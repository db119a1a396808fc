"""The API's own domain: TLS 1.2 at least, and no second address beside it."""

import pytest

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd"
DOMAIN = {"domain_name": "vouchers.example.com", "certificate_arn": CERTIFICATE}


@pytest.fixture(scope="module")
def named(synthesize):
    """The dev stage with a domain and its zone."""
    return synthesize("dev", **DOMAIN, hosted_zone_id="Z0123456789ABC")


def test_the_domain_has_its_certificate_and_takes_tls_1_2_at_least(named):
    domain = named.only("AWS::ApiGateway::DomainName")

    assert {name: value for name, value in domain.items() if name != "Tags"} == {
        "DomainName": "vouchers.example.com",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "RegionalCertificateArn": CERTIFICATE,
        "SecurityPolicy": "TLS_1_2",
    }
    # connections to the domain are made by the policy of the API behind it
    assert named.only("AWS::ApiGateway::RestApi")["SecurityPolicy"] == "TLS_1_2"


def test_the_domain_leads_to_the_apis_stage_without_a_path(named):
    mapping = named.only("AWS::ApiGateway::BasePathMapping")

    assert mapping["Stage"]["Ref"].startswith("ApiRestApiDeploymentStagedev")
    assert "BasePath" not in mapping


def test_api_gateways_own_address_is_closed_then(named, each_stage):
    assert named.only("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assert "DisableExecuteApiEndpoint" not in each_stage.only("AWS::ApiGateway::RestApi")


def test_the_outputs_name_the_domain_and_what_its_record_points_at(named, dev):
    assert named.json["Outputs"]["ApiUrl"]["Value"] == "https://vouchers.example.com/"
    assert named.json["Outputs"]["DomainTarget"]["Value"]["Fn::GetAtt"][1] == "RegionalDomainName"
    assert "DomainTarget" not in dev.json["Outputs"]


def test_the_record_is_made_in_the_zone_that_is_named(named):
    record = named.only("AWS::Route53::RecordSet")

    assert (record["Name"], record["Type"]) == ("vouchers.example.com.", "A")
    assert record["HostedZoneId"] == "Z0123456789ABC"
    assert {key: value["Fn::GetAtt"][1] for key, value in record["AliasTarget"].items()} == {
        "DNSName": "RegionalDomainName",
        "HostedZoneId": "RegionalHostedZoneId",
    }


def test_without_a_zone_the_record_is_left_to_its_owner(synthesize):
    assert not synthesize("dev", **DOMAIN).resources("AWS::Route53::RecordSet")


def test_without_a_domain_there_is_none(each_stage):
    assert not each_stage.resources("AWS::ApiGateway::DomainName")
