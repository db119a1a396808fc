"""Alarms of a template as CloudWatch evaluates them: a change of state runs its actions, a state that stays does not.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any, NamedTuple

_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
_STATISTICS = {"Sum": sum, "Maximum": max, "Average": fmean}


class Mail(NamedTuple):
    """What the alarm's topic sends: the state that the alarm has gone into, and when."""

    state: str
    at: datetime


def mails(alarm: Mapping[str, Any], values: Mapping[datetime, float], begin: datetime, end: datetime) -> list[Mail]:
    """Return what an alarm on one metric sends between two times, for the values that are emitted.

    The alarm is OK at first. As many of its last periods as it asks for must breach, or else it is OK; a period without
    a value is what `TreatMissingData` says.
    """
    metric = alarm.get("Metrics", [{"MetricStat": alarm}])[0]["MetricStat"]
    period, count = timedelta(seconds=metric["Period"]), alarm["EvaluationPeriods"]
    by_period = defaultdict(list)
    for at, value in values.items():
        by_period[(at - begin) // period].append(value)
    summed = {number: _STATISTICS[metric.get("Stat", metric.get("Statistic"))](of) for number, of in by_period.items()}

    def breaches(number: int) -> bool | None:
        if number in summed:
            return bool(_COMPARISONS[alarm["ComparisonOperator"]](summed[number], alarm["Threshold"]))
        return {"notBreaching": False, "breaching": True, "ignore": None}[alarm["TreatMissingData"]]

    sent, state, recent = [], "OK", [False] * count
    for number in range((end - begin) // period):
        breach = breaches(number)
        if breach is None:
            continue
        recent = [*recent[1:], breach]
        now = "ALARM" if sum(recent) >= alarm["DatapointsToAlarm"] else "OK"
        if now != state and alarm["AlarmActions" if now == "ALARM" else "OKActions"]:
            sent.append(Mail(now, begin + (number + 1) * period))
        state = now
    return sent
