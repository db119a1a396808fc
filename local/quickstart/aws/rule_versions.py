"""The versions of AWS's firewall rules: the current ones are taken once and then kept, so that AWS changes nothing."""

from functools import partial
from typing import Any

from infra_cdk.firewall_rules import BAD_INPUTS, COMMON_RULES
from local.quickstart.aws.answers import Found, Plan, UnansweredError, answer_of
from local.quickstart.machine.steps import StepError

_GROUPS = {"waf_common_version": COMMON_RULES, "waf_bad_inputs_version": BAD_INPUTS}


def choose(plan: Plan) -> Found:
    """Choose the current version of each rule group that has no version yet.

    Raises
    ------
    StepError
        AWS no longer offers a version that is given or deployed: it refuses to update a firewall that has it.
    """
    if not plan.start.stage.waf:
        return Found()
    settings = plan.start.settings
    chosen, notes = {}, []
    for setting, group in _GROUPS.items():
        answer = _versions_of(plan, group)
        current, offered = answer["CurrentDefaultVersion"], [each["Name"] for each in answer["Versions"]]
        pinned = settings.get(setting, current)
        if setting not in settings:
            chosen[setting] = current
        elif pinned and pinned not in offered:
            raise StepError(
                f"{setting}: expected one of {', '.join(offered)}, got {pinned}, which AWS no longer offers. Give --set"
                f" {setting}=…, or take the current version with --reset {setting}"
            )
        elif pinned and pinned != current:
            notes.append(f"{group} stays at {pinned}; AWS's current version is {current} (--reset {setting} takes it).")
    return Found(chosen, notes)


def _versions_of(plan: Plan, group: str) -> dict[str, Any]:
    client, what = plan.account.client("wafv2"), f"the versions of {group}"
    ask = partial(client.list_available_managed_rule_group_versions, VendorName="AWS", Name=group, Scope="REGIONAL")
    answer: dict[str, Any] = answer_of(ask, what, "wafv2:ListAvailableManagedRuleGroupVersions")
    if not answer.get("CurrentDefaultVersion") or not answer.get("Versions"):
        raise UnansweredError(what, "The answer does not say it")
    return answer
