"""How the functions emit their metrics, which are those of `voucher_selection.contract.metrics`."""

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from voucher_selection.adapters.observability import metrics
from voucher_selection.contract.metrics import Metric


def emit(metric: Metric, value: float, of: str = "") -> None:
    """Add a value to the invocation's line of metrics, or write a line of its own.

    Where the metric has a dimension, `of` is whose value it is: the name of a rule, the code of a problem.
    """
    if not metric.dimension:
        metrics.add_metric(metric.name, metric.unit, value)
        return
    with single_metric(metric.name, MetricUnit(metric.unit), value) as line:
        line.add_dimension(metric.dimension, of)
