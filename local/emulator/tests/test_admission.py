"""Who may ask the emulator what: pages of the web, other users of the machine, and programs with its key."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import REGION, ROLE, open_api
from process_emulator.settings import HOST

if TYPE_CHECKING:
    from conftest import Emulator

TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "forged"}}}})
ECHO = """
    import json
    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps([*sorted(event["headers"]), event["body"], event["path"]])}
"""


@dataclass
class Answer:
    """What came back."""

    status: int
    body: str


def ask(emulator: Emulator, target: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
    """Send a request as it is given: a header's name has its underscores as dashes."""
    connection = http.client.HTTPConnection(HOST, emulator.port, timeout=20)
    connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return Answer(answer.status, answer.read().decode())


def session(emulator: Emulator, access_key_id: str = "", secret: str = "") -> boto3.Session:
    """Return a session with the emulator's key, or what replaces a part of it."""
    own_id, own_secret = emulator.key
    return boto3.Session(access_key_id or own_id, secret or own_secret, region_name=REGION)


def create_bucket(emulator: Emulator, *keys: str) -> str:
    """Return the name of a new bucket with an object for each key, whose content is the key."""
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def presigned(emulator: Emulator, bucket: str, key: str) -> str:
    """Return the path and query of a presigned address of an object."""
    s3 = session(emulator).client("s3", endpoint_url=emulator.url, config=Config(signature_version="s3v4"))
    address: str = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return address.removeprefix(emulator.url)


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> str:
    """The path of an API."""
    return urllib.parse.urlsplit(open_api(emulator, emulator.create_function(ECHO))).path


UNSIGNED = "test/20261125/us-east-1/sns/aws4_request"
FORGED = {
    "CreateStack": {"Action": "CreateStack", "Version": "2010-05-15", "StackName": "forged", "TemplateBody": TEMPLATE},
    "Publish": {"Action": "Publish", "Version": "2010-03-31", "TopicArn": f"arn:aws:sns:{REGION}:000000000000:t"},
    "GetCallerIdentity": {"Action": "GetCallerIdentity", "Version": "2011-06-15"},
}


@pytest.mark.parametrize("action", FORGED)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", "//", "/_aws/execute-api/", "/_aws/execute-api/x", "/_aws/execute-api/x/y/z"])
def test_nothing_of_aws_answers_without_a_signature(emulator: Emulator, action: str, method: str, path: str) -> None:
    query = urllib.parse.urlencode(FORGED[action])
    form = {"Content_Type": "application/x-www-form-urlencoded"} if method == "POST" else {}

    answer = ask(emulator, f"{path}?{query}", method, query if form else None, **form)

    # 308: to the same path with a slash at its end, once an API was made
    assert answer.status in {308, 403, 404}
    assert "Response" not in answer.body
    assert emulator.client("cloudformation").list_stacks()["StackSummaries"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={UNSIGNED}, SignedHeaders=host, Signature=x"},
        {"Authorization": "AWS test:test"},
        {"x_localstack_data": "{}"},
        {"X_Amz_Target": "DynamoDB_20120810.ListTables", "Content_Type": "application/x-amz-json-1.0"},
        {"x_moto_account_id": "000000000000"},
        {"X_Forwarded_Host": "localhost"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/_aws/execute-api/x/y/z"])
def test_headers_of_localstack_s_own_do_not_replace_a_signature(
    emulator: Emulator, headers: dict[str, str], path: str
) -> None:
    answer = ask(emulator, path, "POST", "{}", **headers)

    assert answer.status in {403, 404}
    assert "TableNames" not in answer.body


@pytest.mark.parametrize(
    ("access_key_id", "secret"),
    [
        ("test", "test"),
        ("__internal_call__", "__internal_call__"),
        ("949334387222", "__internal_call__"),
        ("000000000000", "test"),
        ("injectedaccesskey", "test"),
        ("", "guessed"),
    ],
)
@pytest.mark.parametrize("service", ["sts", "s3", "lambda", "dynamodb", "sns", "stepfunctions", "cloudformation"])
def test_other_keys_are_refused_in_words_that_the_client_reads(
    emulator: Emulator, service: str, access_key_id: str, secret: str
) -> None:
    client = session(emulator, access_key_id, secret).client(service, endpoint_url=emulator.url)
    calls = {
        "sts": "get_caller_identity",
        "s3": "list_buckets",
        "lambda": "list_functions",
        "dynamodb": "list_tables",
        "sns": "list_topics",
        "stepfunctions": "list_state_machines",
        "cloudformation": "list_stacks",
    }

    with pytest.raises(ClientError, match=r"SignatureDoesNotMatch.*not signed with a key of this emulator") as refused:
        getattr(client, calls[service])()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_emulator_s_key_is_of_account_zero_and_differs_from_start_to_start(
    emulator: Emulator, plain_emulator: Emulator
) -> None:
    assert emulator.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert emulator.key != plain_emulator.key
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        session(emulator).client("sts", endpoint_url=plain_emulator.url).get_caller_identity()


def test_keys_of_a_role_that_was_assumed_are_taken(emulator: Emulator) -> None:
    given = emulator.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="deployment")["Credentials"]
    role = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION)

    identity = role.client("sts", endpoint_url=emulator.url).get_caller_identity()

    assert identity["Arn"] == "arn:aws:sts::000000000000:assumed-role/function/deployment"


@pytest.mark.parametrize(
    "client",
    [{}, {"request_checksum_calculation": "when_required"}, {"s3": {"payload_signing_enabled": False}}],
)
def test_objects_of_every_size_come_as_they_went(emulator: Emulator, client: dict[str, Any]) -> None:
    s3 = session(emulator).client("s3", endpoint_url=emulator.url, config=Config(**client))
    bucket = create_bucket(emulator)
    contents = {"a b/ü=1/+.txt": b"", "small": b"x" * 1000, "large": b"y" * 20_000_000}

    for key, content in contents.items():
        s3.upload_fileobj(io.BytesIO(content), bucket, key)

    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in contents} == contents
    (found,) = s3.list_objects_v2(Bucket=bucket, Prefix="a b/ü=")["Contents"]
    assert found["Key"] == "a b/ü=1/+.txt"


def test_a_presigned_address_reads_its_object_and_no_other(emulator: Emulator) -> None:
    bucket = create_bucket(emulator, "shown", "hidden")
    target = presigned(emulator, bucket, "shown")

    assert ask(emulator, target) == Answer(200, "shown")
    assert ask(emulator, target.replace("shown", "hidden")).status == 403
    assert ask(emulator, f"/{bucket}/shown").status == 403


def test_a_form_of_another_site_writes_no_object(emulator: Emulator) -> None:
    bucket = create_bucket(emulator)
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    form = part.format("key", "forged") + part.format("file", "content") + "--x--\r\n"

    answer = ask(emulator, f"/{bucket}", "POST", form, Content_Type="multipart/form-data; boundary=x")

    assert answer.status == 403
    assert "Contents" not in emulator.client("s3").list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://app.localstack.cloud"}]
    + [{"Sec_Fetch_Site": site} for site in ("cross-site", "same-site", "same-origin", "none")],
)
def test_browsers_reach_the_api_alone(emulator: Emulator, api: str, headers: dict[str, str]) -> None:
    signed = presigned(emulator, create_bucket(emulator, "shown"), "shown")

    assert ask(emulator, signed).status == 200
    assert ask(emulator, signed, **headers).status == 403
    assert ask(emulator, "/_localstack/health", **headers).status == 403
    assert ask(emulator, f"{api}/any", **headers).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:1", "10.0.0.1", ""])
def test_no_other_name_leads_here(emulator: Emulator, api: str, host: str) -> None:
    for path in (f"{api}/any", "/_localstack/health", "/"):
        assert ask(emulator, path, Host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]:4566", "LOCALHOST:4566"])
def test_the_machine_s_own_names_lead_to_the_api(emulator: Emulator, api: str, host: str) -> None:
    assert ask(emulator, f"{api}/any", Host=host).status == 200


def test_an_api_is_also_reached_by_its_host(emulator: Emulator, api: str) -> None:
    api_id = api.split("/")[3]
    for host in (f"{api_id}.execute-api.localhost:{emulator.port}", f"{api_id}.execute-api.{REGION}.localhost"):
        assert ask(emulator, "/local/any", Host=host, Sec_Fetch_Site="none").status == 200
        for path in ("/_localstack/config", "//_localstack/config", "/%5Flocalstack/config", "/", "/x/y", "/health"):
            forged = f"{path}?{urllib.parse.urlencode(FORGED['GetCallerIdentity'])}"
            assert ask(emulator, forged, Host=host).status in {403, 404}
    assert ask(emulator, "/local/any", Host=f"{api_id}.execute-api.evil.example").status == 403


@pytest.mark.parametrize("path", ["/any", "/any/?a=1&a=2", "/%61ny?b=%2F", "/a/b//c", "/", "", "?a=1"])
def test_an_api_answers_the_same_by_its_path_as_by_its_host(emulator: Emulator, api: str, path: str) -> None:
    api_id = api.split("/")[3]
    body = gzip.compress(b"content")
    came = []
    for target, host in ((f"{api}{path}", "localhost"), (f"/local{path}", f"{api_id}.execute-api.localhost")):
        connection = http.client.HTTPConnection(HOST, emulator.port, timeout=20)
        connection.request("POST", target, body, {"Host": host, "Content-Encoding": "gzip", "X-Own": "1"})
        answer = connection.getresponse()
        came.append((answer.status, answer.read(), sorted(answer.headers)))

    assert came[0] == came[1]
    assert came[0][0] == (200 if path.strip("/").startswith(("any", "%61ny", "a/b")) else 403)


@pytest.mark.parametrize(
    "path",
    [
        *("/_localstack/health?reload", "/_localstack/init", "/_localstack/diagnose", "/_localstack/config"),
        *("/_localstack/info", "/_localstack/state/reset", "/_localstack/swagger", "/_localstack/plugins"),
        *("/_aws/lambda/init", "/_aws/sqs/messages", "/_aws/sns/platform-endpoint-messages", "/_aws/ses", "/health"),
        *("/_localstack_lambda/x/status/y/ready", "/_aws/execute-api/../../_localstack/config", "/restapis"),
        *("//_localstack/config", "/%5Flocalstack/config", "http://localhost/_localstack/config"),
    ],
)
def test_localstack_s_own_pages_are_closed(emulator: Emulator, path: str) -> None:
    for method in ("GET", "POST", "HEAD"):
        assert ask(emulator, path, method).status in {403, 404}


def test_health_is_told_to_programs(emulator: Emulator) -> None:
    assert ask(emulator, "/_localstack/health").status == 200
    assert ask(emulator, "/_localstack/health", "POST", '{"action": "kill"}').status == 403
    assert emulator.process.poll() is None


def test_no_web_socket_is_opened(emulator: Emulator, api: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Version": "13",
    }
    for path in ("/", f"{api}/any"):
        assert ask(emulator, path, **upgrade).status == 403


def test_services_call_each_other_with_a_secret_that_no_one_else_has(emulator: Emulator) -> None:
    topic = emulator.client("sns").create_topic(Name="internal")["TopicArn"]
    queue = emulator.client("sqs").create_queue(QueueName="internal")["QueueUrl"]
    attributes = emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    emulator.client("sns").publish(TopicArn=topic, Message="hello")

    (message,) = emulator.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Message"] == "hello"
