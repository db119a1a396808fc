"""Models for tests: what a test does not name is the same in all of them."""

from datetime import UTC, date, datetime
from typing import Any

from voucher_selection.domain.model import CountsOrigin, Model
from voucher_selection.domain.segments import shipped_definitions

# Every segment that ships, with its segmentation, in the order of a model.
SHIPPED_SEGMENTS = [(s.name, segment) for s in shipped_definitions().segmentations for segment in s.bounds]


def model_of(*modes: Any, version: str = "v1", **facts: Any) -> Model:
    """Return a model of these modes."""
    usual = {
        "run_id": "run",
        "counts": CountsOrigin("run"),
        "cur_date": date(2018, 9, 15),
        "published_at": datetime(2018, 9, 15, tzinfo=UTC),
        "countries": ("Peru",),
        "definitions": shipped_definitions(),
    }
    return Model(version=version, modes=modes, **usual | facts)
