"""Keep the served model in memory: read it once, and again after the pointer has moved."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import SystemRandom
from threading import Lock

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.observability import logger
from voucher_selection.contract.metrics import (
    CUR_DATE_AGE,
    ITEMS_UNREADABLE,
    MODEL_AGE,
    MODEL_CACHE_HITS,
    MODEL_REFRESHES,
    STALE_MODEL_SERVED,
)
from voucher_selection.domain.errors import NoModel, UnreadableItem, VoucherSelectionError
from voucher_selection.domain.model import Model

# Each environment asks up to a fifth of the interval early, at random: those that started together do not all ask at
# once. `random` would give the same number in all environments that are restored from one snapshot.
_EARLY = 0.2
_draw = SystemRandom().random


class CatalogUnreachable(VoucherSelectionError):
    """The catalog cannot be reached or read, and this environment has no model yet."""


class ModelCache:
    """The model that one execution environment serves.

    A model never changes and is replaced as a whole, so that a request never sees a mix of two. Lambda sends an
    environment one request at a time. If there are threads, one asks the catalog while the others use the known model.

    For `refresh_seconds` after it asked the catalog, with or without an answer, the cache does no I/O. The clock shows
    wall-clock time in seconds: a monotonic clock might stand still while Lambda freezes the environment.
    """

    def __init__(self, catalog: Catalog, refresh_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._model: Model | None = None
        self._asking = Lock()
        self._asked_at = 0.0
        self._good_for = 0.0
        self._confirmed_at = 0.0
        self._stale = False
        self._hits = 0

    def current(self) -> Model:
        """Return the served model; if the catalog cannot be reached or read, the last known one.

        Raises
        ------
        NoModel
            No model has been published yet.
        CatalogUnreachable
            The catalog cannot be reached or read, and no model is known yet.
        """
        # Without a model, a thread waits for the one that is reading it.
        if self._is_due() and self._asking.acquire(blocking=self._model is None):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()
        else:
            self._hits += 1
        if self._model is None:
            raise CatalogUnreachable("the catalog cannot be reached or read, so no model can be served: try again")
        if self._stale:
            emit(STALE_MODEL_SERVED, 1)
        return self._model

    @property
    def version(self) -> str | None:
        """The version of the known model; None if no model is known yet."""
        return self._model.version if self._model else None

    @property
    def stale_seconds(self) -> float | None:
        """The seconds since the catalog last confirmed the model; None if it did so when it was last asked."""
        return self._clock() - self._confirmed_at if self._stale else None

    def _is_due(self) -> bool:
        return not 0 <= self._clock() - self._asked_at < self._good_for

    def _ask(self) -> None:
        try:
            self._model, self._stale = self._found()
        except VoucherSelectionError as error:
            if self._model is None and isinstance(error, NoModel):
                raise  # ask again at the next request, so that the first model is served at once
            self._warn(error)
            self._stale = True
        if not self._stale:
            self._confirmed_at = self._clock()
        self._asked_at = self._clock()
        self._good_for = self._refresh_seconds * (1 - _EARLY * _draw())
        self._emit()

    def _found(self) -> tuple[Model, bool]:
        """Return a model from the catalog, and whether it replaces the served one, which may be unreadable."""
        pointer, known = self._catalog.pointer(), self._model
        if known and known.version == pointer.version:
            return known, False
        try:
            return self._catalog.read(pointer.version), False
        except VoucherSelectionError as error:
            if known or not pointer.previous_version:
                raise
            self._warn(error)
            return self._catalog.read(pointer.previous_version), True

    def _warn(self, error: Exception) -> None:
        if isinstance(error, UnreadableItem):
            emit(ITEMS_UNREADABLE, 1)
        logger.warning("the catalog gives no model", model_version=self.version, reason=str(error), exc_info=error)

    def _emit(self) -> None:
        """Emit metrics of the model's use and age: once per request to the catalog, not once per lookup."""
        emit(MODEL_REFRESHES, 1)
        emit(MODEL_CACHE_HITS, self._hits)
        self._hits = 0
        if self._model is not None:
            day = self._model.cur_date
            emit(MODEL_AGE, self._asked_at - self._model.published_at.timestamp())
            emit(CUR_DATE_AGE, self._asked_at - datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
