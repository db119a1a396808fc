"""The bucket and the table: private, encrypted, restorable, and kept as long as the stage says."""

import pytest

from tests.infrastructure.conftest import plain


def test_every_bucket_is_private_and_encrypted(each_stage):
    for bucket in each_stage.resources("AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_what_was_in_the_lake_can_be_restored(each_stage):
    assert each_stage.named("AWS::S3::Bucket", "LakeBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


def test_every_bucket_is_read_with_tls_1_2_or_not_at_all(each_stage):
    policies = each_stage.resources("AWS::S3::BucketPolicy").values()

    assert len(policies) == len(each_stage.resources("AWS::S3::Bucket"))
    for policy in policies:
        statements = policy["PolicyDocument"]["Statement"]
        conditions = [statement["Condition"] for statement in statements if statement["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_on_aws_who_read_and_wrote_in_the_lake_is_logged_as_long_as_other_logs(prod, local):
    lake = prod.named("AWS::S3::Bucket", "LakeBucket")
    logs = prod.named("AWS::S3::Bucket", "LakeAccessLogs")

    assert lake["LoggingConfiguration"]["DestinationBucketName"]["Ref"].startswith("LakeAccessLogs")
    assert [rule["ExpirationInDays"] for rule in logs["LifecycleConfiguration"]["Rules"]] == [prod.stage.log_days]
    assert "LoggingConfiguration" not in local.only("AWS::S3::Bucket")


def test_objects_of_a_run_expire_by_prefix_and_models_and_uploads_never(synthesize):
    days = {"raw_days": 11, "staging_days": 12, "quarantine_days": 13, "assigned_days": 14, "noncurrent_days": 15}
    bucket = synthesize("dev", **days).named("AWS::S3::Bucket", "LakeBucket")

    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule} == {
        "raw/": 11,
        "staging/": 12,
        "quarantine/": 13,
        "assigned/": 14,
        "runs/map/": 12,
    }
    (tidy,) = (rule for rule in rules if "Prefix" not in rule)
    assert tidy["NoncurrentVersionExpiration"] == {"NoncurrentDays": 15}
    assert tidy["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_only_our_pages_may_send_objects_to_the_lake_and_only_where_they_start_runs(dev, local, guarded, synthesize):
    starting = synthesize("dev", start_runs=True, cors_origins=("https://campaigns.example",))
    own = "https://ApiRestApi.execute-api.<AWS::Region>.<AWS::URLSuffix>"
    (rule,) = starting.named("AWS::S3::Bucket", "LakeBucket")["CorsConfiguration"]["CorsRules"]

    assert [plain(origin) for origin in rule["AllowedOrigins"]] == [own, "https://campaigns.example"]
    assert (rule["AllowedMethods"], rule["AllowedHeaders"]) == (["PUT"], ["content-type", "if-none-match"])
    (rule,) = guarded.named("AWS::S3::Bucket", "LakeBucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://vouchers.example.com"]
    for stage in (dev, local):
        assert not [bucket for bucket in stage.resources("AWS::S3::Bucket").values() if "CorsConfiguration" in bucket]


def test_the_table_is_paid_per_request_encrypted_and_restorable(each_stage):
    table = each_stage.only("AWS::DynamoDB::Table")

    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {item["AttributeType"] for item in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize(("name", "stays"), [("local", False), ("dev", False), ("prod", True)])
def test_data_stays_only_where_the_stage_says_so(request, name, stays):
    synthesized = request.getfixturevalue(name)

    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"):
        for resource in synthesized.template.find_resources(kind).values():
            assert resource["DeletionPolicy"].startswith("Retain") is stays
            assert resource["UpdateReplacePolicy"] == ("Retain" if stays else "Delete")
    assert synthesized.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is stays


# CloudFormation replaces a resource whose logical id changes.
LASTING = {
    ("LakeBucketB1D32E10", "AWS::S3::Bucket"),
    ("LakeAccessLogs4431AB8D", "AWS::S3::Bucket"),
    ("CatalogTableBBEA0CBC", "AWS::DynamoDB::Table"),
    ("ApiRestApiE35FEAFE", "AWS::ApiGateway::RestApi"),
    ("ApiRestApiKey20FE0632", "AWS::ApiGateway::ApiKey"),
    ("PipelineStateMachine1814BD05", "AWS::StepFunctions::StateMachine"),
}


def test_an_update_keeps_the_data_the_address_and_the_key_of_stacks_since_1_0_0(dev, prod):
    for synthesized in (dev, prod):
        resources = synthesized.json["Resources"]
        assert {(name, resources[name]["Type"]) for name, _ in LASTING} == LASTING


def test_the_local_stage_has_no_function_that_the_emulator_cannot_run(local):
    assert {function["Runtime"] for function in local.resources("AWS::Lambda::Function").values()} == {"python3.13"}
    assert not [kind for kind in local.json["Resources"].values() if kind["Type"].startswith("Custom::")]


def test_the_outputs_are_what_the_documentation_names(local, dev):
    named = {"ApiUrl", "StateMachineArn", "BucketName", "TableName", "FailureTopicArn", "Settings"}
    assert set(local.json["Outputs"]) == named
    assert set(dev.json["Outputs"]) == set(local.json["Outputs"]) | {"ApiKeyId", "AlarmTopicArn"}
