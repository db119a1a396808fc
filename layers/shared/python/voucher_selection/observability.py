"""Logger, metrics and tracer, made once for a function; named and configured by Powertools' environment variables."""

from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger()
metrics = Metrics()
tracer = Tracer()
