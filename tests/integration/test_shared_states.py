"""Tests share clients and the states that they begin with, and nothing of what another test did to them."""

from typing import Any

import boto3
import pytest

from tests.environment import BUCKET
from tests.integration.conftest import Pipeline
from tests.moto_clients import Clients
from tests.moto_states import made_once
from voucher_selection.adapters.lake import Lake


def nothing(**_: Any) -> None:
    """Do nothing at an event."""


def lent_twice(clients: Clients, alter: Any) -> tuple[Any, Any]:
    """Return the client that is lent first, and the one after it, when a test has done this to the first."""
    with clients.lent():
        first = boto3.client("s3")
        alter(first)
    with clients.lent():
        return first, boto3.client("s3")


def test_a_client_is_used_again_where_nothing_was_done_to_it(aws: None):
    first, second = lent_twice(Clients(), lambda client: client.list_objects_v2(Bucket=BUCKET))

    assert second is first


@pytest.mark.parametrize(
    "alter",
    [
        lambda client: client.meta.events.register("before-call.s3", nothing),
        lambda client: client.meta.events.register_first("before-send", nothing),
        lambda client: setattr(client, "put_object", print),
    ],
    ids=["events", "first of the events", "a method"],
)
def test_a_client_that_a_test_has_altered_is_not(aws: None, alter: Any):
    first, second = lent_twice(Clients(), alter)

    assert second is not first


def test_two_clients_at_once_are_two(aws: None):
    with Clients().lent():
        assert boto3.client("s3") is not boto3.client("s3")


def test_a_client_of_another_environment_is_another(aws: None, environment: pytest.MonkeyPatch):
    def use_another(_: Any) -> None:
        environment.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")

    _, second = lent_twice(Clients(), use_another)

    assert second.meta.endpoint_url == "https://elsewhere.example"


def test_what_was_made_is_there_again_and_made_anew_for_other_settings_and_stores(
    pipeline: Pipeline, lake: Lake, environment: pytest.MonkeyPatch
):
    made = []

    @made_once
    def left(pipeline: Pipeline) -> str:
        made.append(pipeline)
        pipeline.lake.client.put_object(Bucket=BUCKET, Key="left", Body=b"what was left")
        return "returned"

    def deleted_and_made_again() -> str:
        lake.client.delete_object(Bucket=BUCKET, Key="left")
        return left(pipeline=pipeline)

    assert [left(pipeline=pipeline), deleted_and_made_again()] == ["returned", "returned"]
    assert len(made) == 1
    assert lake.client.get_object(Bucket=BUCKET, Key="left")["Body"].read() == b"what was left"
    environment.setenv("SHARD_TARGET_ROWS", "7")
    deleted_and_made_again()
    assert len(made) == 2
    lake.client.put_object(Bucket=BUCKET, Key="beside", Body=b"")
    deleted_and_made_again()
    assert len(made) == 3
