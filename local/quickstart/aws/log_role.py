"""The role with which API Gateway writes the logs of all APIs of an account and region: there is one."""

from local.quickstart.aws.answers import Found, Plan, answer_of
from local.quickstart.machine.steps import StepError

_SETTING = "api_log_role"


def choose(plan: Plan) -> Found:
    """Choose `own` where the account has no role or has that of this stack, unless the setting is given or deployed.

    Raises
    ------
    StepError
        The stage shall use the account's role, and it has none: API Gateway would refuse the stage.
    """
    start = plan.start
    if not start.stage.execution_logs:
        return Found()
    client = plan.account.client("apigateway")
    role = answer_of(client.get_account, "with which role API Gateway writes logs", "apigateway:GET on /account").get(
        "cloudwatchRoleArn"
    )
    is_ours = bool(role) and role.rpartition("/")[2].startswith(f"{plan.stack}-Api")
    chosen = {_SETTING: "own"} if _SETTING not in start.settings and (is_ours or not role) else {}
    is_own = bool(chosen) or start.stage.api_log_role == "own"
    if role:
        then = "the stack replaces it for all of them" if is_own and not is_ours else "it stays"
        return Found(chosen, [f"API Gateway writes the logs of all APIs here with {role}: {then}."])
    if is_own:
        return Found(chosen, ["API Gateway has no role here to write logs: the stack makes one for all APIs."])
    raise StepError(
        "API Gateway has no role in this account and region to write logs, and would refuse a stage with logs: give"
        f" --set {_SETTING}=own, or --set execution_logs=false"
    )
