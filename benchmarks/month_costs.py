"""What a month without a request costs, and what requests cost."""

from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

from voucher_selection.contract.functions import API, MODEL
from voucher_selection.contract.metrics import METRICS

_TEMPLATES = Path(__file__).resolve().parents[1] / "tests/infrastructure/snapshots"
_HOURS = 730  # of a month
_DAYS = 30
_SECONDS_OF_AN_HOUR = 3600
_FIVE_MINUTES = "rate(5 minutes)"
_CHECKS = _HOURS * 12


class Deployed(NamedTuple):
    """What a stage has that costs something each month."""

    alarm_metrics: int
    dashboards: int
    keys: int
    firewall_rules: int
    watches: bool

    @classmethod
    def on(cls, stage: str) -> Self:
        """Count it in the template of a stage."""
        template = yaml.load((_TEMPLATES / f"{stage}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        found: dict[str, list[dict[str, Any]]] = {}
        for resource in template["Resources"].values():
            found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
        return cls(
            alarm_metrics=sum(map(_metrics_of, found.get("AWS::CloudWatch::Alarm", []))),
            dashboards=len(found.get("AWS::CloudWatch::Dashboard", [])),
            keys=len(found.get("AWS::KMS::Key", [])),
            firewall_rules=sum(len(acl["Rules"]) for acl in found.get("AWS::WAFv2::WebACL", [])),
            watches=any(rule.get("ScheduleExpression") == _FIVE_MINUTES for rule in found.get("AWS::Events::Rule", [])),
        )


def _metrics_of(alarm: dict[str, Any]) -> int:
    """Return how many metrics an alarm is billed for: those that its expression is made of."""
    return sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1


def idle_costs(deployed: Deployed, inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon a month in which nobody asks the API, and the model is made again each night; in dollars by service."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    night = (
        assumed["remodel_seconds"] * stage["model_memory_mb"] / 1024 * price["lambda_gb_second"]
        + price["lambda_request"]
        + assumed["transitions_per_remodel"] * price["states_transition"]
        + assumed["model_items"] * price["dynamodb_write"]
        + assumed["puts_per_run"] * price["s3_put"]
    )
    # Watch, the API that it asks, and API Gateway
    check = (
        assumed["watch_seconds"] * assumed["watch_memory_mb"] / 1024 * price["lambda_gb_second"]
        + assumed["lookup_billed_ms"] / 1000 * stage["api_memory_mb"] / 1024 * price["lambda_gb_second"]
        + 2 * price["lambda_request"]
        + price["api_request"]
        + 2 * assumed["lookup_log_bytes"] / 1e9 * price["log_gb"]
    )
    emitted = _metric_hours(MODEL, _DAYS) + (_metric_hours("watch", _HOURS) if deployed.watches else 0)
    snapshot = stage["api_memory_mb"] / 1024 * _HOURS * _SECONDS_OF_AN_HOUR
    return {
        "firewall (WAF)": _firewall(deployed, price),
        "alarms": deployed.alarm_metrics * price["alarm_metric_month"],
        "dashboard": deployed.dashboards * price["dashboard_month"],
        "key of the alarms' topic": deployed.keys * price["key_month"],
        "the API's snapshot (SnapStart)": snapshot * price["snap_start_gb_second"],
        "metrics of the functions": emitted * price["metric_month"] / _HOURS,
        "a remodel each night": _DAYS * night,
        "a check every five minutes": _CHECKS * check if deployed.watches else 0.0,
    }


def _firewall(deployed: Deployed, price: dict[str, float]) -> float:
    rules = deployed.firewall_rules
    return price["waf_acl_month"] + rules * price["waf_rule_month"] if rules else 0.0


def _metric_hours(service: str, hours: float) -> float:
    """Return the hours of a function's metrics: CloudWatch bills a metric for each hour in which it is sent."""
    return hours * sum(metric.service == service for metric in METRICS)


def lookup_costs(a_second: int, inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon a million lookups, so many a second, in dollars by service."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    gb = stage["api_memory_mb"] / 1024
    hours = 1e6 / a_second / _SECONDS_OF_AN_HOUR
    of_one = {
        "API Gateway": price["api_request"],
        "Lambda, requests": price["lambda_request"],
        "Lambda, GB-seconds": assumed["lookup_billed_ms"] / 1000 * gb * price["lambda_gb_second"],
        "DynamoDB, refreshes of the model": price["dynamodb_read"] / max(1, a_second * stage["model_refresh_seconds"]),
        "CloudWatch, logs": assumed["lookup_log_bytes"] / 1e9 * price["log_gb"],
        "data to callers": assumed["lookup_answer_bytes"] / 1e9 * price["out_gb"],
    }
    return {
        **{service: 1e6 * dollars for service, dollars in of_one.items()},
        "CloudWatch, metrics of the API": _metric_hours(API, hours) * price["metric_month"] / _HOURS,
        "starts from the snapshot": hours * assumed["starts_an_hour"] * gb * price["snap_start_restore_gb"],
    }


def firewall_cost(inputs: dict[str, Any]) -> float:
    """Return what the firewall takes for a million requests, in dollars."""
    return float(1e6 * inputs["price"]["waf_request"])


def trace_cost(a_second: int, inputs: dict[str, Any]) -> float:
    """Return what the traces of a million requests cost, in dollars: one a second, and some of the others."""
    first = 1e6 / a_second
    sampled = first + inputs["assumed"]["traced_share"] * (1e6 - first)
    return float(sampled * inputs["price"]["trace"])


def what_if_costs(inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon a thousand what-ifs of the report page, in dollars by service: the API waits as long as WhatIf works."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    gb = (stage["what_if_memory_mb"] + stage["api_memory_mb"]) / 1024
    of_one = {
        "API Gateway": price["api_request"],
        "Lambda, requests": 2 * price["lambda_request"],
        "Lambda, GB-seconds": assumed["what_if_seconds"] * gb * price["lambda_gb_second"],
        "S3 and DynamoDB": assumed["what_if_gets"] * price["s3_get"],
    }
    return {service: 1e3 * dollars for service, dollars in of_one.items()}
