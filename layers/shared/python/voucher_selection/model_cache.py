"""The served model in memory: read once, and again when the pointer has moved."""

import time
from collections.abc import Callable

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from voucher_selection.catalog import Catalog
from voucher_selection.observability import logger, metrics
from voucher_selection.served_model import ServedModel


class ModelCache:
    """The model that one execution environment serves.

    Parameters
    ----------
    catalog
        Where the models are.
    refresh_seconds
        For how long the knowledge of the served version is good; within it a lookup does no I/O.
    clock
        Seconds that only rise.
    """

    def __init__(self, catalog: Catalog, refresh_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._model: ServedModel | None = None
        self._fresh_until = 0.0

    def current(self) -> ServedModel:
        """Return the served model; the last one known where the catalog cannot be reached.

        Raises
        ------
        NoModel
            None has been published yet.
        BotoCoreError, ClientError
            The catalog cannot be reached, and no model is known yet.
        """
        if self._model is None or self._clock() >= self._fresh_until:
            self._model = self._refreshed(self._model)
            self._fresh_until = self._clock() + self._refresh_seconds
        return self._model

    def _refreshed(self, known: ServedModel | None) -> ServedModel:
        try:
            version = self._catalog.served_version()
            return known if known and known.version == version else self._catalog.read(version)
        except (BotoCoreError, ClientError):
            if known is None:
                raise
            logger.warning(
                "the catalog cannot be reached: serving the model known", version=known.version, exc_info=True
            )
            metrics.add_metric("StaleModelServed", MetricUnit.Count, 1)
            return known
