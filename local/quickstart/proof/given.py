"""The histories of a proof, and the right answers of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import pyarrow as pa

from local.quickstart.here.sample import sample_history
from local.quickstart.proof import reference
from local.quickstart.proof.reference import Amounts, Window

COUNTRY = "Peru"
CUR_DATE, LATER = date(2018, 9, 15), date(2018, 10, 1)
NO_GATE = dict.fromkeys(
    ["most_malformed_share", "most_rejected_rise", "least_kept_rows", "most_lost_segments", "least_support_of_change"]
)
"""The thresholds of a run that the quality gate never holds back."""


@dataclass(frozen=True)
class Given:
    """A history, and its rows as what their values mean."""

    table: pa.Table
    rows: Sequence[dict[str, Any]]

    @classmethod
    def sample(cls, rows: int, seed: int) -> Self:
        """Make one with the quirks of real ones."""
        table = sample_history(rows, seed)
        return cls(table, [*reference.meant(table)])

    @property
    def days(self) -> frozenset[date]:
        """The days on which the country's vouchers were given that count."""
        return frozenset(row["timestamp"].date() for row in self.rows if _counts(row) and row["timestamp"])

    def without(self, days: frozenset[date]) -> list[dict[str, Any]]:
        """Return the rows that were not given on some days."""
        return [row for row in self.rows if not (row["timestamp"] and row["timestamp"].date() in days)]


def amounts(
    rows: Sequence[dict[str, Any]], cur_date: date = CUR_DATE, window: Window | None = None
) -> tuple[Counter[str], Amounts]:
    """Return what becomes of rows, and how often each amount was used by segment."""
    return reference.answer_of(rows, COUNTRY, cur_date, window)


def _counts(row: dict[str, Any]) -> bool:
    return row["country_code"] == COUNTRY and reference.broken_rule(row) is None
