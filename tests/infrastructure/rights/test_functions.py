"""The functions have the rights that they need and no others: their calls are recorded, and put to their policies."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.environment import STATE_MACHINE, function_environment
from tests.infrastructure.rights.asked_of_iam import INTERFACES, asked_by_lambda, asked_of_iam, with_key
from tests.infrastructure.rights.conftest import Deployed
from tests.infrastructure.rights.every_run import ELSEWHERE, SOURCES, Recorded
from tests.infrastructure.rights.policies import Request, Statement, is_allowed, used_by
from voucher_selection.api.operations import OPERATIONS
from voucher_selection.contract.functions import API, FUNCTIONS, INGEST
from voucher_selection.contract.runs import RUN_KINDS

type Asked = dict[str, set[Request]]


class Function(NamedTuple):
    """A function of ours in a template: its name in the code, its properties and the statements of its role."""

    name: str
    properties: dict[str, Any]
    statements: list[Statement]


@pytest.fixture(scope="session")
def asked(recorded: Recorded) -> Asked:
    """What each function asks of IAM, in every kind of run and every route."""
    found: Asked = defaultdict(set)
    for call in recorded.calls:
        found[call.function].update(asked_of_iam(call))
    return found


@pytest.fixture(scope="session")
def functions(deployed: Deployed) -> list[Function]:
    by_arn = {deployed.template.arn(role): statements for role, statements in deployed.policies.items()}
    return [
        Function(name, properties, by_arn[properties["Role"]])
        for _, properties in deployed.template.resources("AWS::Lambda::Function")
        if (name := properties["Handler"].partition(".")[0]) in FUNCTIONS
    ]


def asked_with(key: str, requests: set[Request]) -> Iterator[Request]:
    """What is asked in a stage: with the owner's key, if the stage has one."""
    return (each for request in requests for each in (with_key(request, key) if key else [request]))


def meant_to_be_denied(deployed: Deployed) -> set[tuple[str, str, str]]:
    """What the recorded runs asked for although the stage does not allow it: the function, the action, the resource."""
    closed = {ELSEWHERE} | ({SOURCES} - {*deployed.stage.source_buckets})
    reads = {(INGEST, "s3:GetObject", f"arn:aws:s3:::{bucket}/year/x.parquet") for bucket in closed}
    reads |= {(INGEST, "s3:GetObject", f"arn:aws:s3:::{bucket}/none.parquet") for bucket in closed - {ELSEWHERE}}
    lists = {(INGEST, "s3:ListBucket", f"arn:aws:s3:::{bucket}") for bucket in closed}
    starts = set() if deployed.stage.start_runs else {(API, "states:StartExecution", STATE_MACHINE)}
    return reads | lists | starts


def test_everything_was_done_that_can_be_done(recorded: Recorded):
    assert recorded.modes == {kind.mode for kind in RUN_KINDS}
    assert recorded.routes == {(operation.method, operation.path) for operation in OPERATIONS}
    assert {call.function for call in recorded.calls} == {*FUNCTIONS}


def test_the_recorded_calls_went_where_the_stage_s_variables_lead(functions: list[Function]):
    recorded = function_environment()
    for name, properties, _ in functions:
        variables = properties["Environment"]["Variables"]
        for variable in ("BUCKET", "TABLE", "STATE_MACHINE_ARN", "WHAT_IF_FUNCTION"):
            if variable in variables:
                assert variables[variable] == recorded[variable], (name, variable)


def test_no_call_is_denied_but_those_meant_to_be(deployed: Deployed, functions: list[Function], asked: Asked):
    denied = {
        (name, request.action, request.resource)
        for name, _, statements in functions
        for request in asked_with(deployed.stage.kms_key, asked[name])
        if not is_allowed(statements, request)
    }

    assert denied == meant_to_be_denied(deployed)


def test_lambda_may_do_what_it_does_with_the_roles(deployed: Deployed, functions: list[Function]):
    for name, properties, statements in functions:
        for request in asked_by_lambda(properties, deployed.stage.kms_key):
            assert is_allowed(statements, request), (name, request)


def test_no_right_is_unused(deployed: Deployed, functions: list[Function], asked: Asked):
    unused = sorted(
        f"{name}: {statement}"
        for name, properties, statements in functions
        for statement in {*statements}
        - used_by(
            statements,
            [*asked_with(deployed.stage.kms_key, asked[name]), *asked_by_lambda(properties, deployed.stage.kms_key)],
        )
        if statement.effect == "Allow"
    )

    assert not unused, "\n".join(unused)


def test_the_code_of_a_function_in_a_vpc_may_not_touch_network_interfaces(deployed: Deployed, functions):
    for name, _, statements in functions:
        for action in INTERFACES:
            by_code = Request.of(action, "*", lambda__SourceFunctionArn=f"arn:aws:lambda:us-east-1:1:function:{name}")
            assert not is_allowed(statements, by_code), (name, action)


def test_a_right_that_is_taken_away_is_missed(deployed: Deployed, functions: list[Function], asked: Asked):
    """The proof can fail: without any one action of a role, some recorded call is denied."""
    for name, properties, statements in functions:
        requests = [
            *asked_with(deployed.stage.kms_key, asked[name]),
            *asked_by_lambda(properties, deployed.stage.kms_key),
        ]
        allowed = [request for request in requests if is_allowed(statements, request)]
        for action in {statement.action for statement in statements}:
            left = [statement for statement in statements if statement.action != action]
            assert not all(is_allowed(left, request) for request in allowed), (name, action)
