"""The served model in memory: read once, and again when the pointer has moved."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import SystemRandom
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

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

# Environments that started together do not stay in step: each asks up to a fifth of the interval early, by a draw of
# the operating system's. `random` would draw the same in all environments that are restored from one snapshot.
_EARLY = 0.2
_draw = SystemRandom().random


class CatalogUnreachable(VoucherSelectionError):
    """The catalog cannot be reached, or what it has cannot be read, and this environment has no model yet."""


class ModelCache:
    """The model that one execution environment serves.

    A model is immutable and replaced as a whole, so that whoever holds one never sees a mix. Lambda gives an
    environment one request at a time; where there are threads, one of them asks the catalog while the others are
    served what is known.

    Parameters
    ----------
    catalog
        Where the models are.
    refresh_seconds
        For how long an answer of the catalog, or its silence, is good; within it a lookup does no I/O.
    clock
        Seconds of the day's time: a clock that only rises need not move while Lambda has frozen the environment.
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
        """Return the served model; the last one known where the catalog cannot be reached, or has an odd item.

        Raises
        ------
        NoModel
            None has been published yet.
        CatalogUnreachable
            The catalog gives none, and no model is known yet.
        """
        # Who has no model waits for the thread that is reading it.
        if self._is_due() and self._asking.acquire(blocking=self._model is None):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()
        else:
            self._hits += 1
        if self._model is None:
            raise CatalogUnreachable("the catalog gives no model that can be served: try again")
        if self._stale:
            emit(STALE_MODEL_SERVED, 1)
        return self._model

    @property
    def version(self) -> str | None:
        """The version of the known model; None before the first."""
        return self._model.version if self._model else None

    @property
    def stale_seconds(self) -> float | None:
        """For how long the catalog has not confirmed the model; None if it did when last asked."""
        return self._clock() - self._confirmed_at if self._stale else None

    def _is_due(self) -> bool:
        return not 0 <= self._clock() - self._asked_at < self._good_for

    def _ask(self) -> None:
        try:
            self._model, self._stale = self._found()
        except (BotoCoreError, ClientError, VoucherSelectionError) as error:
            if self._model is None and isinstance(error, NoModel):
                raise  # the catalog answers, and quickly: the first model is served as soon as it is there
            self._warn(error)
            self._stale = True
        if not self._stale:
            self._confirmed_at = self._clock()
        self._asked_at = self._clock()
        self._good_for = self._refresh_seconds * (1 - _EARLY * _draw())
        self._emit()

    def _found(self) -> tuple[Model, bool]:
        """Return a model of the catalog's, and whether it is not the one to serve: that one may be unreadable."""
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
        """Say how the model is used, and how old it is: once for each question to the catalog, not for each lookup."""
        emit(MODEL_REFRESHES, 1)
        emit(MODEL_CACHE_HITS, self._hits)
        self._hits = 0
        if self._model is not None:
            day = self._model.cur_date
            emit(MODEL_AGE, self._asked_at - self._model.published_at.timestamp())
            emit(CUR_DATE_AGE, self._asked_at - datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
