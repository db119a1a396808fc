"""At rest everything is encrypted: with AWS's own keys, or all of it with the owner's."""

import pytest

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FORMER = "arn:aws:kms:eu-west-1:123456789012:key/5678efab-12ab-34cd-56ef-1234567890ab"
OTHERS = "arn:aws:kms:eu-west-1:210987654321:key/9abcdef0-12ab-34cd-56ef-1234567890ab"
ROLES = (*(f"Functions{name}Role" for name in ("Ingest", "Clean", "Assign", "Model", "WhatIf", "Api")), "PipelineRole")


@pytest.fixture(scope="module")
def keyed(synthesize):
    """The dev stage with a key of its owner."""
    return synthesize("dev", kms_key=KEY)


def rule_of(bucket):
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule


def test_the_lake_is_encrypted_with_the_owners_key(keyed, dev):
    rule = rule_of(keyed.named("AWS::S3::Bucket", "LakeBucket"))

    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule["BucketKeyEnabled"] is True
    assert rule_of(dev.named("AWS::S3::Bucket", "LakeBucket")) == {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}
    }


def test_access_logs_keep_the_key_that_s3_can_deliver_with(keyed):
    rule = rule_of(keyed.named("AWS::S3::Bucket", "LakeAccessLogs"))

    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_table_is_encrypted_with_the_owners_key(keyed, dev):
    assert keyed.only("AWS::DynamoDB::Table")["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": KEY,
    }
    assert dev.only("AWS::DynamoDB::Table")["SSESpecification"] == {"SSEEnabled": True}


def test_the_topics_are_encrypted_with_the_owners_key(keyed):
    assert [topic["KmsMasterKeyId"] for topic in keyed.resources("AWS::SNS::Topic").values()] == [KEY, KEY]
    assert not keyed.resources("AWS::KMS::Key")


def test_all_logs_are_encrypted_with_the_owners_key(keyed, dev):
    groups = keyed.resources("AWS::Logs::LogGroup")

    assert len(groups) == 7 + 3, "of the functions, of the state machine's executions, of access and of API Gateway"
    assert {group["KmsKeyId"] for group in groups.values()} == {KEY}
    assert not [group for group in dev.resources("AWS::Logs::LogGroup").values() if "KmsKeyId" in group]


def test_the_environments_of_our_functions_are_encrypted_with_the_owners_key(keyed, dev):
    def keys(synthesized):
        functions = synthesized.resources("AWS::Lambda::Function").values()
        return [function.get("KmsKeyArn") for function in functions if function["Runtime"].startswith("python")]

    assert keys(keyed) == [KEY] * 7
    assert keys(dev) == [None] * 7


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        ("FunctionsIngestRole", {"Decrypt", "DescribeKey", "GenerateDataKey"}),
        ("FunctionsCleanRole", {"Decrypt", "GenerateDataKey"}),
        ("FunctionsAssignRole", {"Decrypt", "DescribeKey", "GenerateDataKey"}),
        (
            "FunctionsModelRole",
            {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"},
        ),
        ("FunctionsWhatIfRole", {"Decrypt", "DescribeKey"}),
        ("FunctionsApiRole", {"Decrypt", "DescribeKey"}),
        ("PipelineRole", {"Decrypt", "GenerateDataKey"}),
    ],
)
def test_a_role_may_use_the_key_as_far_as_it_reads_and_writes(keyed, dev, role, actions):
    rights = keyed.rights(role)

    assert {action: where for action, where in rights.items() if action.startswith("kms:")} == {
        f"kms:{action}": {KEY} for action in actions
    }
    assert not [action for action in dev.rights(role) if action.startswith("kms:")]


def keys_of(synthesized, role):
    """The keys that a role may use, with what it may do with them."""
    found = {}
    for action, where in synthesized.rights(role).items():
        for key in where if action.startswith("kms:") else ():
            found.setdefault(key, set()).add(action)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_what_a_former_key_encrypted_is_read_and_nothing_more_is_encrypted_with_it(keyed, synthesize, role):
    rotated = synthesize("dev", kms_key=KEY, former_kms_keys=(FORMER,))

    assert keys_of(rotated, role) == {**keys_of(keyed, role), FORMER: {"kms:Decrypt"}}
    assert keys_of(synthesize("dev", former_kms_keys=(FORMER,)), role) == {FORMER: {"kms:Decrypt"}}


def test_only_the_new_key_encrypts(synthesize):
    rotated = synthesize("dev", kms_key=KEY, former_kms_keys=(FORMER,))
    without_rights = {
        name: resource
        for name, resource in rotated.json["Resources"].items()
        if resource["Type"] not in {"AWS::IAM::Role", "AWS::IAM::Policy"}
    }

    assert KEY in str(without_rights)
    assert FORMER not in str(without_rights)


@pytest.mark.parametrize("role", ROLES)
def test_ingest_alone_may_read_with_the_keys_of_histories(keyed, synthesize, role):
    reading = synthesize("dev", kms_key=KEY, source_buckets=("histories",), source_kms_keys=(OTHERS,))
    expected = {OTHERS: {"kms:Decrypt"}} if role == "FunctionsIngestRole" else {}

    assert keys_of(reading, role) == {**keys_of(keyed, role), **expected}
