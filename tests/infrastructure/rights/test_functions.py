"""The functions have the rights that they need and no others: their calls are recorded, and put to their policies."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.environment import BUCKET, STATE_MACHINE, function_environment
from tests.infrastructure.rights.asked_of_iam import INTERFACES, Keys, asked_by_lambda, asked_of_iam, with_keys
from tests.infrastructure.rights.conftest import Deployed
from tests.infrastructure.rights.every_run import ELSEWHERE, SOURCES, Recorded
from tests.infrastructure.rights.named import ACCOUNT, REGION
from tests.infrastructure.rights.policies import Request, Statement, is_allowed, used_by
from voucher_selection.api.examples import UPLOAD_ASKED
from voucher_selection.api.operations import OPERATIONS
from voucher_selection.contract.functions import ALL_FUNCTIONS, API, INGEST
from voucher_selection.contract.runs import RUN_KINDS
from voucher_selection.domain.uploads import UploadRequest

type Asked = dict[str, set[Request]]


class Function(NamedTuple):
    """A function of ours in a template: its name in the code, its properties and the statements of its role."""

    name: str
    properties: dict[str, Any]
    statements: list[Statement]

    @property
    def variables(self) -> dict[str, str]:
        """The environment's variables."""
        found: dict[str, str] = self.properties["Environment"]["Variables"]
        return found

    def asked(self, asked: Asked, keys: Keys) -> Iterator[Request]:
        """Yield what the function asks in its stage, by what was recorded."""
        for request in asked[self.name]:
            named = request
            if request.resource == WHAT_IF:  # the stage's variable names a version
                named = request._replace(resource=_arn_of_function(self.variables["WHAT_IF_FUNCTION"]))
            yield from with_keys(named, keys)


def _arn_of_function(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


WHAT_IF = _arn_of_function(function_environment()["WHAT_IF_FUNCTION"])


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
        if (name := properties["Handler"].partition(".")[0]) in ALL_FUNCTIONS
    ]


def meant_to_be_denied(deployed: Deployed) -> set[tuple[str, str, str]]:
    """What the recorded runs asked for although the stage does not allow it: the function, the action, the resource."""
    closed = {ELSEWHERE} | ({SOURCES} - {*deployed.stage.source_buckets})
    reads = {(INGEST, "s3:GetObject", f"arn:aws:s3:::{bucket}/year/x.parquet") for bucket in closed}
    reads |= {(INGEST, "s3:GetObject", f"arn:aws:s3:::{bucket}/none.parquet") for bucket in closed - {ELSEWHERE}}
    lists = {(INGEST, "s3:ListBucket", f"arn:aws:s3:::{bucket}") for bucket in closed}
    upload = f"arn:aws:s3:::{BUCKET}/{UploadRequest.model_validate(UPLOAD_ASKED).key}"
    started = {
        (API, "states:StartExecution", STATE_MACHINE),
        (API, "s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        (API, "s3:PutObject", upload),
    }
    if deployed.keys.own:
        started.add((API, "kms:GenerateDataKey", deployed.keys.own))
    starts = set() if deployed.stage.start_runs else started
    inbox = {} if deployed.stage.inbox else {(INGEST, "s3:GetObject", f"arn:aws:s3:::{BUCKET}/inbox/a.parquet")}
    return reads | lists | starts | {*inbox}


def test_everything_was_done_that_can_be_done(recorded: Recorded):
    assert recorded.modes == {kind.mode for kind in RUN_KINDS}
    assert recorded.routes == {(operation.method, operation.path) for operation in OPERATIONS}
    assert {call.function for call in recorded.calls} == {*ALL_FUNCTIONS}


def test_the_recorded_calls_went_where_the_stage_s_variables_lead(functions: list[Function]):
    recorded = function_environment()
    for function in functions:
        for variable in {"BUCKET", "TABLE", "STATE_MACHINE_ARN"} & function.variables.keys():
            assert function.variables[variable] == recorded[variable], (function.name, variable)
        called = function.variables.get("WHAT_IF_FUNCTION", "what-if")
        assert called.partition(":")[0] == recorded["WHAT_IF_FUNCTION"]


def test_no_call_is_denied_but_those_meant_to_be(deployed: Deployed, functions: list[Function], asked: Asked):
    denied = {
        (function.name, request.action, request.resource)
        for function in functions
        for request in function.asked(asked, deployed.keys)
        if not is_allowed(function.statements, request)
    }

    assert denied == meant_to_be_denied(deployed)


def test_lambda_may_do_what_it_does_with_the_roles(deployed: Deployed, functions: list[Function]):
    for function in functions:
        for request in asked_by_lambda(function.properties, deployed.keys):
            assert is_allowed(function.statements, request), (function.name, request)


def test_no_right_is_unused(deployed: Deployed, functions: list[Function], asked: Asked):
    unused = sorted(
        f"{function.name}: {statement}"
        for function in functions
        for statement in {*function.statements}
        - used_by(
            function.statements,
            [*function.asked(asked, deployed.keys), *asked_by_lambda(function.properties, deployed.keys)],
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
    for function in functions:
        requests = [*function.asked(asked, deployed.keys), *asked_by_lambda(function.properties, deployed.keys)]
        allowed = [request for request in requests if is_allowed(function.statements, request)]
        for action in {statement.action for statement in function.statements}:
            left = [statement for statement in function.statements if statement.action != action]
            assert not all(is_allowed(left, request) for request in allowed), (function.name, action)
