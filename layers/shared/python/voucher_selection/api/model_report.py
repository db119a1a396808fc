"""The analysis of a model: what it was made from, and how much its counts say."""

from datetime import datetime
from typing import Any, TypedDict

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.api.wording import evidence
from voucher_selection.domain.errors import NoModel
from voucher_selection.domain.evidence import Evidence
from voucher_selection.domain.model import Model, SegmentMode, Version


class ModelReport(TypedDict):
    """A model with its segments.

    `rows` (`runs.Totals`) is what became of all the rows that were read for its counts, which run `counts_run_id` has
    left; null where nobody wrote it down.
    """

    version: str
    run_id: str
    counts_run_id: str
    cur_date: str
    time_zone: str
    published_at: str
    age_seconds: int
    countries: list[str]
    definitions: dict[str, Any]
    rows: dict[str, Any] | None
    segments: list["SegmentReport"]


class SegmentReport(TypedDict):
    """A segment's mode, and how much its counts say: `lead` is by how many assignments it leads the runner-up."""

    country_code: str
    segment_name: str
    segment: str
    voucher_amount: float | None
    support: int
    share: float | None
    runner_up: float | None
    lead: int | None
    evidence: Evidence


class KeptVersion(TypedDict):
    """A version that can be served again, unless it expires: then `expires_at` says when it is gone, and else null."""

    version: str
    run_id: str
    counts_run_id: str
    cur_date: str
    published_at: str
    countries: list[str]
    is_served: bool
    expires_at: str | None


class KeptVersions(TypedDict):
    """All versions, the newest first."""

    versions: list[KeptVersion]


def model_report(model: Model, now: datetime) -> ModelReport:
    """Return the analysis of a model."""
    rows = model.counts.rows
    return {
        "version": model.version,
        "run_id": model.run_id,
        "counts_run_id": model.counts.run_id,
        "cur_date": model.cur_date.isoformat(),
        "time_zone": model.time_zone,
        "published_at": model.published_at.isoformat(),
        "age_seconds": round((now - model.published_at).total_seconds()),
        "countries": list(model.countries),
        "definitions": model.definitions.model_dump(mode="json"),
        "rows": rows.model_dump(mode="json") if rows else None,
        "segments": [_segment(mode) for mode in model.modes],
    }


def kept_versions(catalog: Catalog) -> KeptVersions:
    """Return the versions of a catalog; none before the first model."""
    try:
        served = catalog.served_version()
    except NoModel:
        return {"versions": []}
    return {"versions": [_version(version, served) for version in catalog.versions()]}


def _segment(mode: SegmentMode) -> SegmentReport:
    runner_up = mode.runner_up
    return {
        "country_code": mode.country_code,
        "segment_name": mode.segment_name,
        "segment": mode.segment,
        "voucher_amount": mode.voucher_amount,
        "support": mode.support,
        "share": mode.share,
        "runner_up": runner_up.voucher_amount if runner_up else None,
        "lead": mode.assignments[0].count - runner_up.count if runner_up else None,
        "evidence": evidence(mode),
    }


def _version(version: Version, served: str) -> KeptVersion:
    return {
        "version": version.version,
        "run_id": version.run_id,
        "counts_run_id": version.counts.run_id,
        "cur_date": version.cur_date.isoformat(),
        "published_at": version.published_at.isoformat(),
        "countries": list(version.countries),
        "is_served": version.version == served,
        "expires_at": version.expires_at.isoformat() if version.expires_at else None,
    }
