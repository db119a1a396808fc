"""The analysis of a model, and the list of its versions, as the API answers them."""

from datetime import datetime
from typing import Any, NotRequired, TypedDict

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.domain.errors import NoModel
from voucher_selection.domain.evidence import Evidence
from voucher_selection.domain.model import Model, SegmentMode, Version
from voucher_selection.domain.model_document import ModelFacts, Next, SegmentAnswer, model_facts, selection_criteria
from voucher_selection.domain.quality_document import Quality
from voucher_selection.domain.wording import evidence


class Analysis(ModelFacts):
    """A model with its segments, and how good it is.

    Run `counts_run_id` left the counts that the model is made from. `rows` (`totals.Totals`) is what became of all rows
    read for them; null if no run recorded it. `quality` is null if an older version made the model, and in all parts of
    a large answer but the first.
    """

    counts_run_id: str
    time_zone: str
    age_seconds: int
    countries: list[str]
    definitions: dict[str, Any]
    rows: dict[str, Any] | None
    segments: list["SegmentReport"]
    quality: Quality | None


class ModelReport(Analysis):
    """The answer of `GET /model`."""

    next: NotRequired[Next]


class Standing(TypedDict):
    """How a segment's mode stands against its other amounts: `lead` is how many assignments more than the runner-up."""

    runner_up: float | None
    lead: int | None
    evidence: Evidence


class SegmentReport(SegmentAnswer, Standing):
    """A segment with its mode, and how much its counts say."""


class KeptVersion(ModelFacts):
    """A version that the catalog keeps: until `expires_at`, or for good where that is null.

    `is_previous` marks the version that was served before the served one: a rollback without a version serves it again.
    `segments` is how many segments the version has.
    """

    counts_run_id: str
    countries: list[str]
    segments: int
    is_served: bool
    is_previous: bool
    expires_at: str | None


class KeptVersions(TypedDict):
    """All versions, the newest first."""

    versions: list[KeptVersion]


def model_report(model: Model, quality: Quality | None, now: datetime) -> Analysis:
    """Return the analysis of a model at a moment."""
    rows = model.counts.rows
    return {
        **model_facts(model),
        "counts_run_id": model.counts.run_id,
        "time_zone": model.time_zone,
        "age_seconds": round((now - model.published_at).total_seconds()),
        "countries": list(model.countries),
        "definitions": model.definitions.model_dump(mode="json"),
        "rows": rows.model_dump(mode="json") if rows else None,
        "segments": [
            {**segment, **_standing(mode)}
            for segment, mode in zip(selection_criteria(model)["segments"], model.modes, strict=True)
        ],
        "quality": quality,
    }


def kept_versions(catalog: Catalog) -> KeptVersions:
    """Return the versions of a catalog; none before the first model."""
    try:
        pointer = catalog.pointer()
    except NoModel:
        return {"versions": []}
    return {"versions": [_version(version, pointer) for version in catalog.versions()]}


def _standing(mode: SegmentMode) -> Standing:
    """Return how a segment's mode stands against its other amounts."""
    runner_up = mode.runner_up
    return {
        "runner_up": runner_up.voucher_amount if runner_up else None,
        "lead": mode.assignments[0].count - runner_up.count if runner_up else None,
        "evidence": evidence(mode),
    }


def _version(version: Version, pointer: Pointer) -> KeptVersion:
    return {
        **model_facts(version),
        "counts_run_id": version.counts.run_id,
        "countries": list(version.countries),
        "segments": len(version.countries) * version.definitions.segment_count,
        "is_served": version.version == pointer.version,
        "is_previous": version.version == pointer.previous_version,
        "expires_at": version.expires_at.isoformat() if version.expires_at else None,
    }
