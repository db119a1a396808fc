"""How many functions the account may run at once, and whether that is enough for the runs of a stage."""

from collections.abc import Mapping

from local.quickstart.aws.answers import Found, Plan, UnansweredError, answer_of
from local.quickstart.machine.steps import StepError

OTHERS = 5
"""Functions beside those of the shards: the API, Model and what else the account runs."""

LEAST_UNRESERVED = 100
"""What Lambda keeps unreserved for the functions of an account without a reservation."""

_WHAT = "how many functions the account may run at once"
_RESERVATIONS = ("api_reserved_concurrency", "clean_reserved_concurrency")
_RAISE = "raise the quota Lambda: Concurrent executions in Service Quotas"


def check(plan: Plan) -> Found:
    """Refuse a stage whose shards would be throttled, or whose reservations the account cannot give (`StepError`)."""
    client, start = plan.account.client("lambda"), plan.start
    limit = answer_of(client.get_account_settings, _WHAT, "lambda:GetAccountSettings").get("AccountLimit", {})
    unreserved = limit.get("UnreservedConcurrentExecutions")
    if not unreserved:
        raise UnansweredError(_WHAT, "The answer does not say it")
    more = _reserved(start.settings) - _reserved(start.deployed.settings or {})
    left = unreserved - more
    if more > 0 and left < LEAST_UNRESERVED:
        raise StepError(
            f"{' and '.join(_RESERVATIONS)} would leave {left} functions at once unreserved in the account; Lambda"
            f" keeps at least {LEAST_UNRESERVED}. Reserve {LEAST_UNRESERVED - left} fewer, or {_RAISE}"
        )
    shards = start.stage.max_concurrency
    if not start.stage.clean_reserved_concurrency and shards > left - OTHERS:
        raise StepError(
            f"expected at least {shards + OTHERS} functions at once for max_concurrency={shards} and {OTHERS} others;"
            f" the account has {left} unreserved here. Give --set max_concurrency={max(1, left - OTHERS)}, or {_RAISE}"
        )
    return Found()


def _reserved(settings: Mapping[str, str]) -> int:
    texts = (settings.get(name, "") for name in _RESERVATIONS)
    return sum(int(text) for text in texts if text.isdecimal())
