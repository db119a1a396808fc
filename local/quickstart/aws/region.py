"""Whether the services of a stage, and SnapStart, are there in its region, as far as AWS's lists say."""

import botocore

from local.quickstart.aws.answers import Found, Plan
from local.quickstart.machine.steps import StepError

# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-supported-regions: all commercial regions
# but these
_WITHOUT_SNAP_START = ("ap-east-2", "ap-southeast-6")
_COMMERCIAL = "aws"

_SERVICES = ("apigateway", "dynamodb", "events", "lambda", "logs", "s3", "sns", "sqs", "stepfunctions")
_SERVICES_OF_SETTINGS = {"monitoring": "cloudwatch", "tracing": "xray", "waf": "wafv2"}


def check(plan: Plan) -> Found:
    """Refuse a region without SnapStart for a stage with it (`StepError`); note services that are not listed there.

    The list of services is that of the installed botocore. A region may be newer than it, so a service that it lacks
    is only a note. Another endpoint than AWS has what it has.
    """
    account, target, stage = plan.account, plan.target, plan.start.stage
    if account.endpoint:
        return Found()
    partition, region = target.identity.partition, target.region
    if stage.snap_start and (partition != _COMMERCIAL or region in _WITHOUT_SNAP_START):
        raise StepError(f"Lambda has no SnapStart in {region}: give --set snap_start=false, or take another region")
    services = [*_SERVICES, *(service for name, service in _SERVICES_OF_SETTINGS.items() if getattr(stage, name))]
    missing = [
        service
        for service in services
        if region not in account.session.get_available_regions(service, partition_name=partition)
    ]
    if not missing:
        return Found()
    return Found(
        notes=[
            f"botocore {botocore.__version__} knows no {', '.join(missing)} in {region}: if the region has none, the"
            " deployment fails."
        ]
    )
