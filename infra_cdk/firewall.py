"""The web application firewall of the API, for a stage with the setting `waf`."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra_cdk.stages import Stage

# These rules only count. They would refuse valid requests: a batch of customers has more than 8 KB, and a program need
# not send its name.
_COUNTED = ("SizeRestrictions_BODY", "NoUserAgent_HEADER")


class Firewall(Construct):
    """A web ACL: AWS's common rules, known bad inputs, and a limit for each address."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, stage_arn: str) -> None:
        super().__init__(scope, construct_id)
        acl = waf.CfnWebACL(
            self,
            "Acl",
            description="Voucher Selection",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(f"{cdk.Stack.of(self).stack_name}-Api"),
            rules=[
                _limit(stage.waf_rate_limit, priority=0),
                _managed("AWSManagedRulesCommonRuleSet", priority=1, counted=_COUNTED),
                _managed("AWSManagedRulesKnownBadInputsRuleSet", priority=2),
            ],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=acl.attr_arn)


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


def _managed(name: str, *, priority: int, counted: Sequence[str] = ()) -> waf.CfnWebACL.RuleProperty:
    count = waf.CfnWebACL.RuleActionProperty(count={})
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
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
