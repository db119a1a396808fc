"""The web application firewall of the API, for a stage with the setting `waf`."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra_cdk.firewall_rules import BAD_INPUTS, COMMON_RULES
from infra_cdk.log_groups import log_group_of
from infra_cdk.stages import Stage

# These rules only count. They would refuse valid requests: a batch of customers has more than 8 KB, and a program need
# not send its name.
_COUNTED = ("SizeRestrictions_BODY", "NoUserAgent_HEADER")
# As would this one where callers start runs: a source may be https://<an IPv4 address>/history.parquet.
_COUNTED_WITH_RUNS = "GenericRFI_BODY"
# What of a request is not logged: the key or signature, what is asked for, and what a browser keeps.
_REDACTED_HEADERS = ("x-api-key", "authorization", "cookie")


class Firewall(Construct):
    """A web ACL: AWS's common rules, known bad inputs, and a limit for each address. It logs what it blocks."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, stage_arn: str) -> None:
        super().__init__(scope, construct_id)
        counted = (*_COUNTED, _COUNTED_WITH_RUNS) if stage.start_runs else _COUNTED
        acl = waf.CfnWebACL(
            self,
            "Acl",
            description="Voucher Selection",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(f"{cdk.Stack.of(self).stack_name}-Api"),
            rules=[
                _limit(stage.waf_rate_limit, priority=0),
                _managed(COMMON_RULES, priority=1, version=stage.waf_common_version, counted=counted),
                _managed(BAD_INPUTS, priority=2, version=stage.waf_bad_inputs_version),
            ],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)
        self._log(acl, stage)

    def _log(self, acl: waf.CfnWebACL, stage: Stage) -> None:
        """Log blocked requests only: a log of the firewall has the address of each sender."""
        name = f"aws-waf-logs-{cdk.Stack.of(self).stack_name}"  # WAF takes no other beginning
        group = log_group_of(self, "Blocked", stage=stage, name=name, log_class=logs.LogGroupClass.INFREQUENT_ACCESS)
        blocked = {
            "Behavior": "KEEP",
            "Requirement": "MEETS_ALL",
            "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
        }
        redacted = waf.CfnLoggingConfiguration.FieldToMatchProperty
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[_arn_without_streams(group)],
            logging_filter={"DefaultBehavior": "DROP", "Filters": [blocked]},
            redacted_fields=[
                redacted(query_string={}),
                *(redacted(single_header={"Name": header}) for header in _REDACTED_HEADERS),
            ],
        )


def _limit(requests: int, *, priority: int) -> waf.CfnWebACL.RuleProperty:
    """Return the rule that limits an address. It is the first: a flood then costs no more than its count."""
    return waf.CfnWebACL.RuleProperty(
        name="RequestsOfOneAddress",
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=requests, evaluation_window_sec=5 * 60
            )
        ),
        visibility_config=_visibility("RequestsOfOneAddress"),
    )


def _arn_without_streams(group: logs.LogGroup) -> str:
    """Return the ARN of a log group as WAF takes it: without `:*` at the end."""
    return cdk.Stack.of(group).format_arn(
        service="logs",
        resource="log-group",
        resource_name=group.log_group_name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def _managed(name: str, *, priority: int, version: str, counted: Sequence[str] = ()) -> waf.CfnWebACL.RuleProperty:
    count = waf.CfnWebACL.RuleActionProperty(count={})
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                version=version or None,
                rule_action_overrides=[
                    waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in counted
                ]
                or None,
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    """Return metrics without samples, which would keep addresses and keys of callers."""
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
