"""What a deployment asks the account for once its settings are known, and what it says to whoever lacks it."""

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from infra_cdk.firewall_rules import COMMON_RULES
from local.quickstart.aws import concurrency, log_role, preflight, region, rule_versions
from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.answers import Found, Plan, UnansweredError
from local.quickstart.aws.prerequisites import Target
from local.quickstart.machine.steps import StepError
from local.quickstart.settings.asked import NAMES, stage_with
from local.quickstart.settings.starting import Deployed, Start

SESSION = botocore.session.get_session()
FOREIGN = "arn:aws:iam::123456789012:role/platform-api-gateway"
OURS = "arn:aws:iam::123456789012:role/VoucherSelection-prod-ApiRestApiCloudWatchRole-1A2B3C"


class FakeAccount(Account):
    """An account that answers these questions, and refuses all others."""

    answers: Mapping[str, Any]
    region = "eu-west-1"

    def client(self, service: str, **_: str) -> Any:
        client = SESSION.create_client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y"
        )
        stubber = Stubber(client)
        for operation, answer in self.answers.items():
            if hasattr(client, operation):
                for each in answer if isinstance(answer, list) else [answer]:
                    if isinstance(each, str):
                        stubber.add_client_error(operation, each, "not here", 501)
                    else:
                        stubber.add_response(operation, each)
        stubber.activate()
        return client


def plan(
    answers: Mapping[str, Any],
    settings: Mapping[str, str] = {},
    deployed: Mapping[str, str] | None = None,
    *,
    where: str = "eu-west-1",
    partition: str = "aws",
) -> Plan:
    """A deployment of prod with these settings, some of them deployed, to an account with these answers."""
    account = FakeAccount()
    object.__setattr__(account, "answers", answers)
    target = Target(Identity("123456789012", f"arn:{partition}:iam::123456789012:user/x"), where, 21)
    known = {name: text for name, text in settings.items() if name in NAMES}
    start = Start(Deployed(is_there=True, settings=deployed or {}), stage_with(known, "prod"), settings)
    return Plan(account, target, start, "VoucherSelection-prod")


def limit(functions: int) -> dict[str, Any]:
    return {"get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": functions}}}


@pytest.mark.parametrize(("functions", "shards"), [(1000, "40"), (45, "40"), (10, "5")])
def test_an_account_with_room_for_the_shards_and_five_others_is_ready(functions: int, shards: str):
    assert concurrency.check(plan(limit(functions), {"max_concurrency": shards})) == Found()


@pytest.mark.parametrize(("functions", "fitting"), [(10, 5), (44, 39), (3, 1)])
def test_a_new_account_is_told_the_number_of_shards_that_fits(functions: int, fitting: int):
    with pytest.raises(
        StepError, match=rf"expected at least 45 .*has {functions} .*--set max_concurrency={fitting}, or"
    ):
        concurrency.check(plan(limit(functions)))


def test_what_is_reserved_leaves_a_hundred_to_the_others():
    with pytest.raises(StepError, match="would leave 50 functions .*Reserve 50 fewer, or raise the quota"):
        concurrency.check(plan(limit(1000), {"api_reserved_concurrency": "50", "clean_reserved_concurrency": "900"}))


def test_what_is_reserved_already_is_not_reserved_twice():
    reserved = {"clean_reserved_concurrency": "900"}

    assert concurrency.check(plan(limit(100), reserved, reserved)) == Found()


def test_shards_with_a_reservation_of_their_own_need_none_of_the_rest():
    settings = {"max_concurrency": "800", "clean_reserved_concurrency": "800"}

    assert concurrency.check(plan(limit(1000), settings)) == Found()


def test_a_region_of_aws_has_all_services():
    assert region.check(plan({})) == Found()


@pytest.mark.parametrize(("where", "partition"), [("ap-southeast-6", "aws"), ("cn-north-1", "aws-cn")])
def test_a_region_without_snapstart_is_refused_unless_the_stage_does_without(where: str, partition: str):
    with pytest.raises(StepError, match=f"no SnapStart in {where}: give --set snap_start=false"):
        region.check(plan({}, where=where, partition=partition))
    assert region.check(plan({}, {"snap_start": "false"}, where=where, partition=partition)) == Found()


def test_a_region_that_botocore_does_not_know_is_told_and_not_refused():
    (note,) = region.check(plan({}, where="eu-west-9")).notes

    assert "knows no apigateway, dynamodb, events, lambda, " in note
    assert "in eu-west-9: if the region has none, the deployment fails" in note


def role(arn: str | None) -> dict[str, Any]:
    return {"get_account": {"cloudwatchRoleArn": arn} if arn else {}}


@pytest.mark.parametrize(
    ("there", "settings", "chosen", "note"),
    [
        (None, {}, {"api_log_role": "own"}, "no role here to write logs: the stack makes one for all APIs"),
        (FOREIGN, {}, {}, f"with {FOREIGN}: it stays"),
        (OURS, {}, {"api_log_role": "own"}, f"with {OURS}: it stays"),
        (FOREIGN, {"api_log_role": "own"}, {}, f"with {FOREIGN}: the stack replaces it for all of them"),
        (OURS, {"api_log_role": "own"}, {}, f"with {OURS}: it stays"),
        (FOREIGN, {"api_log_role": "account"}, {}, f"with {FOREIGN}: it stays"),
    ],
)
def test_the_accounts_log_role_is_replaced_only_by_order(
    there: str | None, settings: dict[str, str], chosen: dict[str, str], note: str
):
    found = log_role.choose(plan(role(there), settings))

    assert (found.settings, len(found.notes)) == (chosen, 1)
    assert note in found.notes[0]


def test_a_stage_that_shall_use_a_role_that_is_not_there_is_refused():
    with pytest.raises(StepError, match="has no role .* give --set api_log_role=own"):
        log_role.choose(plan(role(None), {"api_log_role": "account"}))


def test_a_stage_without_logs_needs_no_role():
    assert log_role.choose(plan({}, {"execution_logs": "false"})) == Found()


def versions() -> dict[str, Any]:
    offered = [{"Name": f"Version_1.{number}"} for number in (18, 19, 20)]
    answer = {"Versions": offered, "CurrentDefaultVersion": "Version_1.19"}
    return {"list_available_managed_rule_group_versions": answer}


def test_the_current_versions_of_the_rules_are_taken_once():
    found = rule_versions.choose(plan(versions()))

    assert found.settings == {"waf_common_version": "Version_1.19", "waf_bad_inputs_version": "Version_1.19"}


def test_versions_that_are_deployed_stay_and_newer_ones_are_told():
    pinned = {"waf_common_version": "Version_1.18", "waf_bad_inputs_version": "Version_1.19"}

    found = rule_versions.choose(plan(versions(), pinned))

    assert found.settings == {}
    assert found.notes == [
        f"{COMMON_RULES} stays at Version_1.18; AWS's current version is Version_1.19 (--reset waf_common_version takes"
        " it)."
    ]


def test_a_version_that_aws_offers_no_longer_is_refused_because_the_firewall_could_not_be_updated():
    with pytest.raises(StepError, match=r"got Version_1\.2, which AWS no longer offers\. .*--reset waf_common_version"):
        rule_versions.choose(plan(versions(), {"waf_common_version": "Version_1.2"}))


def test_rules_that_shall_follow_aws_are_not_pinned():
    following = {"waf_common_version": "", "waf_bad_inputs_version": ""}

    found = rule_versions.choose(plan(versions(), following))

    assert (found.settings, found.notes) == ({}, [])


def test_a_stage_without_firewall_asks_for_no_versions():
    assert rule_versions.choose(plan({}, {"waf": "false"})) == Found()


def test_an_endpoint_that_knows_none_of_the_questions_stops_no_deployment():
    unknown = ("get_account_settings", "get_account", "list_available_managed_rule_group_versions")

    found = preflight.check(plan(dict.fromkeys(unknown, "UnknownOperationException")))

    assert found.settings == {}
    assert [note.partition(". ")[0] for note in found.notes] == [
        "Not checked: how many functions the account may run at once",
        "Not checked: with which role API Gateway writes logs",
        f"Not checked: the versions of {COMMON_RULES}",
    ]


def test_who_may_not_ask_is_told_what_to_allow():
    with pytest.raises(UnansweredError, match="Allow lambda:GetAccountSettings for it, as docs/deployment.md has it"):
        concurrency.check(plan({"get_account_settings": "AccessDeniedException"}))


def test_an_answer_of_another_kind_stops_no_deployment():
    with pytest.raises(UnansweredError, match="The answer does not say it"):
        concurrency.check(plan({"get_account_settings": {}}))
    with pytest.raises(UnansweredError, match=f"the versions of {COMMON_RULES}. The answer does not say it"):
        rule_versions.choose(plan({"list_available_managed_rule_group_versions": {}}))


def test_all_answers_come_together():
    answers = {**limit(1000), **role(None), **versions()}

    found = preflight.check(plan(answers))

    assert found.settings == {
        "api_log_role": "own",
        "waf_common_version": "Version_1.19",
        "waf_bad_inputs_version": "Version_1.19",
    }
