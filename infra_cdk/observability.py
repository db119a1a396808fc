"""What is watched: a dashboard, alarms with their topic, queries over the logs, and a function that asks the API.

Each alarm is a heading of docs/runbook.md. Its description has the first step, and names or links the heading.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import aws_cdk as cdk
import cdk_monitoring_constructs as monitoring
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra_cdk.api import Api
from infra_cdk.encryption import key_of
from infra_cdk.functions import Functions
from infra_cdk.inbox import Inbox
from infra_cdk.pipeline import Pipeline
from infra_cdk.stages import Stage
from voucher_selection.contract import metrics
from voucher_selection.contract.metrics import Metric

_RUNBOOK = "docs/runbook.md"

_MINUTE = cdk.Duration.minutes(1)
_FIVE_MINUTES = cdk.Duration.minutes(5)
_HOUR = cdk.Duration.hours(1)

# What missing data means. `_FINE`: nothing has happened.
_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
_BAD = cloudwatch.TreatMissingData.BREACHING
_AS_IT_WAS = cloudwatch.TreatMissingData.IGNORE

# The share of 5xx in the API's answers of five minutes that raises an alarm; fewer than ten requests are ignored.
_MOST_FAULTS = 0.01
_FEWEST_REQUESTS = 10
# With fewer, the same share of faults in some of the five minutes of an hour.
_FAULTY_PERIODS, _PERIODS_OF_AN_HOUR = 3, 12
# A campaign that waits longer gives up; lookups take milliseconds once a model is in memory.
_SLOWEST = cdk.Duration.seconds(2)
# Percent of the rows of the runs' countries in an hour. In the sample, as in a real history, 19 % break a rule; the
# quality gate lets each rule rise by ten.
_MOST_REJECTED = 30


class _Query(NamedTuple):
    """Which lines of the functions' logs are shown, and which keys of them."""

    filter: str
    fields: Sequence[str]


_QUERIES = {
    "a run": _Query('run_id = "run-…"', ["run_id", "shard", "message", "model_version", "exception_name"]),
    "a request": _Query('correlation_id = "…"', ["correlation_id", "function_request_id", "message"]),
    "what failed": _Query('level in ["WARNING", "ERROR", "CRITICAL"]', ["run_id", "correlation_id", "message"]),
}


class Observability(Construct):
    """The dashboard, the alarms and their topic, and the saved queries of a stage."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        functions: Functions,
        pipeline: Pipeline,
        api: Api,
        table: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._stack = cdk.Stack.of(self).stack_name
        self._look_every_five_minutes(functions, api)
        self.topic = self._topic()
        if stage.alarm_email:
            for topic in (self.topic, pipeline.topic):
                topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self._facade = self._monitoring()
        self._watch_runs(pipeline)
        self._watch_inbox(pipeline.inbox)
        self._watch_rows()
        self._watch_model()
        self._watch_lookups()
        self._watch_api(api)
        self._watch_functions(functions)
        self._watch_catalog(table)
        self._save_queries(functions)

    def _look_every_five_minutes(self, functions: Functions, api: Api) -> None:
        watch = functions.watch(f"{api.url}health" if self._stage.health_check else "")
        events.Rule(
            self,
            "Watch",
            description="Looks when a model was last published, and whether the API answers",
            schedule=events.Schedule.rate(_FIVE_MINUTES),
            # a late look would be one for another five minutes
            targets=[targets.LambdaFunction(watch, retry_attempts=0, max_event_age=_MINUTE)],
        )

    def _topic(self) -> sns.Topic:
        """Make the topic, with a key that CloudWatch may use: with AWS's own key, an alarm could not publish to it.

        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        topic = sns.Topic(
            self,
            "Alarms",
            display_name="Alarms of the voucher selection",
            master_key=key_of(self, "OwnersKey", stage=self._stage) or self._key(),
            enforce_ssl=True,
        )
        stack = cdk.Stack.of(self)
        alarms = stack.format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[_cloudwatch()],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"ArnLike": {"aws:SourceArn": alarms}, "StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        return topic

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the alarms of {self._stack} in their topic",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,  # no message must be read later
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[_cloudwatch()], actions=["kms:Decrypt", "kms:GenerateDataKey*"], resources=["*"]
            )
        )
        return key

    def _monitoring(self) -> monitoring.MonitoringFacade:
        return monitoring.MonitoringFacade(
            self,
            "Monitoring",
            alarm_factory_defaults=monitoring.AlarmFactoryDefaults(
                actions_enabled=True,
                alarm_name_prefix=self._stack,
                action=monitoring.SnsAlarmActionStrategy(on_alarm_topic=self.topic, on_ok_topic=self.topic),
                datapoints_to_alarm=1,
            ),
            metric_factory_defaults=monitoring.MetricFactoryDefaults(namespace=self._stack, period=_FIVE_MINUTES),
            dashboard_factory=monitoring.DefaultDashboardFactory(
                self,
                "Dashboards",
                # the names of all regions are of one list, those of everything else are not
                dashboard_name_prefix=f"{self._stack}-{cdk.Aws.REGION}",
                create_dashboard=True,
            ),
        )

    def _watch_runs(self, pipeline: Pipeline) -> None:
        self._facade.add_large_header("Runs")
        self._facade.monitor_step_function(
            state_machine=pipeline.state_machine,
            human_readable_name="Runs",
            alarm_friendly_name="Runs",
            add_failed_execution_count_alarm=self._any(
                "A run failed",
                "A run ended with an error. Read error and cause in its run.json, or in the message of the topic of"
                " failures.",
            ),
            add_timed_out_execution_count_alarm=self._any(
                "A run took too long",
                "Step Functions ended a run after run_timeout_seconds. See in Step Functions which items of its map are"
                " pending, then start it again.",
            ),
            add_aborted_execution_count_alarm=self._any(
                "A run was aborted",
                "Somebody stopped a run. If CloudTrail (StopExecution) shows no reason for it, start it again.",
            ),
        )
        failed = self._alarmed(
            self._metric(metrics.SHARDS_FAILED),
            "Shards failed",
            "Shards of a run left no result after all retries. The run publishes nothing. Read the causes in"
            " failures/ of its folder in runs/.",
        )
        self._custom("Shards", self._metric(metrics.SHARDS_PLANNED), failed)
        if pipeline.refresh_failures:
            described = self._described(
                "The refresh was not started",
                "EventBridge could not start the daily remodel. Read the reason in the attributes of the message in"
                " the queue, then start a remodel.",
            )
            self._facade.monitor_sqs_queue(
                queue=pipeline.refresh_failures,
                human_readable_name="Refreshes that were not started",
                alarm_friendly_name="Refreshes",
                add_queue_max_size_alarm={"": monitoring.MaxMessageCountThreshold(max_message_count=0, **described)},
            )

    def _watch_inbox(self, inbox: Inbox | None) -> None:
        if inbox is None:
            return
        described = self._described(
            "The inbox was not told",
            "EventBridge could not tell Inbox that an object arrived. Inbox looks for it every 15 minutes. Read the"
            " reason in the attributes of the message in the queue.",
        )
        self._facade.monitor_sqs_queue(
            queue=inbox.failures,
            human_readable_name="Arrivals that Inbox was not told of",
            alarm_friendly_name="Inbox",
            add_queue_max_size_alarm={"": monitoring.MaxMessageCountThreshold(max_message_count=0, **described)},
        )

    def _watch_rows(self) -> None:
        self._facade.add_large_header("Rows")
        read, other, rejected = (
            self._metric(metric, period=_HOUR)
            for metric in (metrics.ROWS_READ, metrics.ROWS_OTHER_COUNTRY, metrics.ROWS_REJECTED)
        )
        share = cloudwatch.MathExpression(
            expression="IF(read > other, 100 * rejected / (read - other), 0)",
            using_metrics={"read": read, "other": other, "rejected": rejected},
            label="rejected, % of the rows of the runs' countries",
            period=_HOUR,
        )
        many = self._alarmed(
            share,
            "Many rows are rejected",
            f"More than {_MOST_REJECTED} % of the rows of the runs' countries break a rule. See on the dashboard"
            " which rule, and in quarantine/ which rows.",
            threshold=_MOST_REJECTED,
        )
        self._custom("Rows", self._metric(metrics.ROWS_LANDED), read, self._metric(metrics.ROWS_KEPT), other)
        self._custom("Rejected rows", rejected, self._every(metrics.ROWS_REJECTED_BY_RULE), many)
        self._custom("Customers with an amount", self._metric(metrics.VOUCHERS_ASSIGNED))

    def _watch_model(self) -> None:
        self._facade.add_large_header("The model")
        age, published = self._metric(metrics.MODEL_AGE, statistic="Maximum"), self._metric(metrics.MODELS_PUBLISHED)
        held_back = self._alarmed(
            # a short period: an approval soon after the hold-back has a period of its own
            self._metric(metrics.MODELS_HELD_BACK, period=_MINUTE),
            "A model was held back",
            "A run or the daily refresh was held back. The served model stays until a run publishes another one."
            " Read the thresholds in the cause in its run.json; approve the run if its history is right.",
            missing=_AS_IT_WAS,  # it is on until a model is published, however many nights are held back
        )
        odd = self._alarmed(
            self._metric(metrics.ITEMS_LEFT_ASIDE),
            "The catalog has odd items",
            "Items of the catalog's table differ from what this product writes. Model ignores them. Its log"
            " names each.",
        )
        self._custom("Models", published, self._metric(metrics.MODELS_SUPERSEDED), held_back)
        self._custom("Items of the catalog that cannot be read", self._metric(metrics.ITEMS_UNREADABLE), odd)
        self._custom("Age in seconds", age, self._metric(metrics.CUR_DATE_AGE, statistic="Maximum"))
        if hours := self._stage.most_model_age_hours:
            self._watch_age(hours)

    def _watch_age(self, hours: int) -> None:
        """Watch the age of the served model and, where it is made daily, that of the last publication."""
        old = self._alarmed(
            self._metric(metrics.MODEL_AGE, statistic="Maximum"),
            "The model is old",
            f"The API serves a model that was published more than {hours} hours ago (most_model_age_hours). Compare"
            " /health with the last runs in Step Functions.",
            threshold=hours * 3600,
            missing=_AS_IT_WAS,  # without requests, the model does not get younger
        )
        self._custom("Older than it may be", old)
        if self._stage.refreshes:
            idle = self._alarmed(
                self._metric(metrics.PUBLICATION_AGE, statistic="Maximum"),
                "Nothing was published",
                f"No run has published a model for {hours} hours (most_model_age_hours). See in Step Functions how the"
                " last runs ended, and in EventBridge whether the rule of the refresh is enabled.",
                threshold=hours * 3600,
                missing=_AS_IT_WAS,  # before the first publication there is no age; what was missed stays so
            )
            self._custom("Time since a model was published", idle)

    def _watch_lookups(self) -> None:
        self._facade.add_large_header("Lookups")
        self._custom("Lookups", self._metric(metrics.VOUCHERS_SELECTED), self._every(metrics.LOOKUPS_REFUSED))
        stale = self._alarmed(
            self._metric(metrics.STALE_MODEL_SERVED),
            "The catalog cannot be reached",
            "For 15 minutes the API could not read the catalog. It serves the model in its memory. The log line"
            " `the catalog gives no model` has the error.",
            periods=3,
        )
        hits, refreshes = self._metric(metrics.MODEL_CACHE_HITS), self._metric(metrics.MODEL_REFRESHES)
        self._custom("The model in memory", hits, refreshes, stale)

    def _watch_api(self, api: Api) -> None:
        self._facade.add_large_header("The API")
        faults = self._described(
            "The API answers with faults",
            f"More than {_MOST_FAULTS:.0%} of the API's answers are 5xx. The access log shows which answers, the query"
            " `what failed` shows why.",
        )
        fails = self._described(
            "The API keeps failing",
            f"In {_FAULTY_PERIODS} of the last {_PERIODS_OF_AN_HOUR} periods of five minutes, more than"
            f" {_MOST_FAULTS:.0%} of the API's answers were 5xx, however few there were. The access log shows which"
            " answers, the query `what failed` shows why.",
            periods=_PERIODS_OF_AN_HOUR,
        )
        slow = self._described(
            "The API is slow",
            f"For 15 minutes, 1 % of the answers took more than {_SLOWEST.to_seconds():g} s. Compare on the"
            " dashboard the latency of API Gateway with the function's duration.",
            periods=3,
        )
        enough = {"min_sample_count_to_evaluate_datapoint": _FEWEST_REQUESTS - 1}
        self._facade.monitor_api_gateway(
            api=api.rest_api,
            api_stage=self._stage.name,
            human_readable_name="The API",
            alarm_friendly_name="Api",
            # API Gateway counts faults as 0 or 1 for each request: the average is the share
            rate_computation_method=monitoring.RateComputationMethod.AVERAGE,
            add5_xx_fault_rate_alarm={
                "": monitoring.ErrorRateThreshold(max_error_rate=_MOST_FAULTS, **enough, **faults),
                "Few": monitoring.ErrorRateThreshold(
                    max_error_rate=_MOST_FAULTS, **{**fails, "datapoints_to_alarm": _FAULTY_PERIODS}
                ),
            },
            add_latency_p99_alarm={"": monitoring.LatencyThreshold(max_latency=_SLOWEST, **enough, **slow)},
        )
        self._custom("Requests that failed, by the API's version", self._every(metrics.REQUESTS_FAILED))
        if api.access_logs:
            throttled = self._alarmed(
                self._throttled_requests(api.access_logs),
                "Callers are throttled",
                "API Gateway refuses requests above rate_limit, burst_limit or a key's quota_per_day. `error` in the"
                " access log says which.",
            )
            self._custom("Requests that API Gateway throttled (429)", throttled)
        if self._stage.health_check:
            dead = self._alarmed(
                self._metric(metrics.HEALTH_CHECK_FAILED, statistic="Maximum"),
                "The API does not answer",
                "For 15 minutes /health did not answer at the API's public address, or Watch did not ask. Ask it"
                " yourself; the log of Watch has the reason.",
                periods=3,
                missing=_BAD,  # nobody asked
            )
            self._custom("Health checks that failed", dead)

    def _throttled_requests(self, access_logs: logs.ILogGroup) -> cloudwatch.Metric:
        """Count 429 in the access log: API Gateway's own metric sums up all 4xx."""
        throttled = logs.MetricFilter(
            self,
            "Throttled",
            log_group=access_logs,
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=self._stack,
            metric_name="RequestsThrottled",
        )
        return throttled.metric(statistic="Sum", period=_FIVE_MINUTES)

    def _watch_functions(self, functions: Functions) -> None:
        self._facade.add_large_header("The functions")
        for name, function in functions.by_name.items():
            self._facade.monitor_lambda_function(
                lambda_function=function,
                human_readable_name=name,
                alarm_friendly_name=name,
                add_fault_count_alarm=self._inbox_fails() if name == "Inbox" else None,
            )
        throttled = self._alarmed(
            _sum(
                "throttled",
                {name.lower(): each.metric_throttles(period=_FIVE_MINUTES) for name, each in functions.by_name.items()},
            ),
            "Functions are throttled",
            "Lambda refuses invocations because the account's concurrency is used up. See which functions of the"
            " account run (ConcurrentExecutions), and lower max_concurrency or raise the quota.",
        )
        self._custom("Throttled invocations", throttled)

    def _inbox_fails(self) -> Mapping[str, monitoring.ErrorCountThreshold]:
        """Return the alarm of the one function whose errors end no run and are no answer."""
        return self._any(
            "The inbox fails",
            "Inbox ended with an error. What arrived waits until the next call, at most 15 minutes. Its log has the"
            " error.",
        )

    def _watch_catalog(self, table: dynamodb.ITable) -> None:
        self._facade.add_large_header("The catalog")
        self._facade.monitor_dynamo_table(
            table=table,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            human_readable_name="The catalog",
            alarm_friendly_name="Catalog",
        )
        throttles = {
            "reads": table.metric("ReadThrottleEvents", statistic="Sum", period=_FIVE_MINUTES),
            "writes": table.metric("WriteThrottleEvents", statistic="Sum", period=_FIVE_MINUTES),
        }
        throttled = self._alarmed(
            _sum("throttled", throttles),
            "The catalog is throttled",
            "DynamoDB throttles requests to the table. See on the dashboard who reads or writes so much.",
        )
        self._custom("Throttled requests to the catalog", throttled)

    def _custom(
        self, title: str, *metrics: cloudwatch.Metric | cloudwatch.MathExpression | monitoring.CustomMetricWithAlarm
    ) -> None:
        self._facade.monitor_custom(
            human_readable_name=title,
            alarm_friendly_name=title,
            metric_groups=[monitoring.CustomMetricGroup(title=title, metrics=[*metrics])],
        )

    def _metric(
        self, metric: Metric, *, statistic: str = "Sum", period: cdk.Duration = _FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """Return a metric of a function for the dashboard or an alarm."""
        return cloudwatch.Metric(
            namespace=self._stack,
            metric_name=metric.name,
            dimensions_map={"service": metric.service},
            statistic=statistic,
            period=period,
            label=metric.name,
        )

    def _every(self, metric: Metric) -> cloudwatch.MathExpression:
        """Return a metric for every value of its own dimension; the dashboard finds the values when it is opened."""
        schema = f'{{"{self._stack}",{metric.dimension},service}}'  # a name with a hyphen needs quotes
        search = f'{schema} MetricName="{metric.name}" service="{metric.service}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{search}', 'Sum', {_FIVE_MINUTES.to_seconds():g})",
            using_metrics={},
            label="",
            period=_FIVE_MINUTES,
        )

    def _any(self, heading: str, says: str) -> Mapping[str, monitoring.ErrorCountThreshold]:
        """Return an alarm that the first event raises."""
        return {"": monitoring.ErrorCountThreshold(max_error_count=0, **self._described(heading, says))}

    def _alarmed(
        self,
        metric: cloudwatch.Metric | cloudwatch.MathExpression,
        heading: str,
        says: str,
        *,
        threshold: float = 0,
        comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = _FINE,
    ) -> monitoring.CustomMetricWithAlarm:
        """Return a metric of the dashboard with an alarm; by default the first event raises it."""
        alarm = monitoring.CustomThreshold(
            threshold=threshold,
            comparison_operator=comparison,
            **self._described(heading, says, periods=periods, missing=missing),
        )
        return monitoring.CustomMetricWithAlarm(metric=metric, alarm_friendly_name=heading, add_alarm={"": alarm})

    def _described(
        self, heading: str, says: str, *, periods: int = 1, missing: cloudwatch.TreatMissingData = _FINE
    ) -> Mapping[str, Any]:
        """Return what all alarms have: a name that says what is wrong, the runbook's heading, what no data means."""
        page, anchor = self._stage.runbook_url, heading.lower().replace(" ", "-")
        return {
            "alarm_name_override": f"{self._stack}: {heading}",
            "alarm_description_override": says,
            "runbook_link": f"{page}#{anchor}" if page else f'{_RUNBOOK}, "{heading}"',
            "evaluation_periods": periods,
            "datapoints_to_alarm": periods,
            "treat_missing_data_override": missing,
        }

    def _save_queries(self, functions: Functions) -> None:
        groups = [function.log_group for function in functions.by_name.values()]
        for name, lines in _QUERIES.items():
            logs.QueryDefinition(
                self,
                f"Query{name.title().replace(' ', '')}",
                query_definition_name=f"{self._stack}/{name}",
                query_string=logs.QueryString(
                    fields=["@timestamp", "service", "level", *lines.fields],
                    filter_statements=[lines.filter],
                    sort="@timestamp asc",
                    limit=1000,
                ),
                log_groups=groups,
            )


def _cloudwatch() -> iam.ServicePrincipal:
    return iam.ServicePrincipal("cloudwatch.amazonaws.com")


def _sum(label: str, metrics: Mapping[str, cloudwatch.IMetric]) -> cloudwatch.MathExpression:
    """Return the sum of metrics; one without data counts as 0."""
    expression = " + ".join(f"FILL({name}, 0)" for name in metrics)
    return cloudwatch.MathExpression(
        expression=expression, using_metrics={**metrics}, label=label, period=_FIVE_MINUTES
    )
