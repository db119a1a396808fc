"""The web pages: HTML made from the API's answers, readable without JavaScript."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voucher_selection.api import charts, quality_charts
from voucher_selection.api.asked import Asked
from voucher_selection.api.best_ranges_form import BestRangesForm, offers
from voucher_selection.api.model_parts import MOST_SHOWN, Shown
from voucher_selection.api.what_if_form import WhatIfForm
from voucher_selection.contract.limits import MOST_RANGES
from voucher_selection.contract.runs import HELD_BACK
from voucher_selection.domain import wording
from voucher_selection.domain.assigned_on import assigned_of
from voucher_selection.domain.errors import DeliveryOverlaps
from voucher_selection.domain.evidence import LOW_SUPPORT
from voucher_selection.domain.lookups import Found
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import Model, SegmentKey, SegmentMode
from voucher_selection.domain.other_countries import listed
from voucher_selection.domain.plans import UnusableSources
from voucher_selection.domain.quality_document import Quality
from voucher_selection.domain.ranges_found import BestRanges
from voucher_selection.domain.sql_dialects import DIALECTS
from voucher_selection.domain.striking_dates import StrikingDate
from voucher_selection.domain.text_formats import Texts
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.windows import Window

CONTENT_TYPE = "text/html; charset=utf-8"
PAGES = (
    ("search_voucher", "Look up"),
    ("segments", "Segments"),
    ("report", "Report"),
    ("runs", "Runs"),
    ("docs", "API"),
)
_TEMPLATES = Path(__file__).with_name("templates")


class Frame(NamedTuple):
    """The frame around the content of a page: its navigation and links. `page` is its entry in `PAGES`.

    `root` is the relative address of the API's root, with `../` for each folder: links work under any stage and domain.
    A shell holds no data, only a script that asks for a key and fetches the view with the data.
    """

    root: str
    page: str
    is_shell: bool = False
    pages: Sequence[tuple[str, str]] = PAGES


def frame_of(path: str, *, is_shell: bool = False) -> Frame:
    """Return the frame of the page at a path of the API; a view has the frame of its page."""
    page = path.removeprefix("/views").strip("/")
    return Frame("../" * page.count("/"), page.partition("/")[0], is_shell)


@cache
def content_security_policy(sends_to: str = "") -> str:
    """Return the policy of a page: it allows our own style, script and origin, and nothing else.

    The page of runs also `sends_to` another origin: that of the bucket's uploads.
    """
    connect = f"'self' {sends_to}".rstrip()
    return (
        f"default-src 'none'; style-src {_source(_style())}; script-src {_source(_script())}; connect-src {connect};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def lookup_page(
    frame: Frame,
    model: Model | None,
    fields: Mapping[str, str],
    *,
    found: Found | None = None,
    curl: str | None = None,
    errors: Mapping[str, str] | None = None,
    notice: str | None = None,
) -> str:
    """Return the look-up form, filled with `fields`; with the mode found, the errors by field, or a notice."""
    return _render(
        "search_voucher.html",
        frame,
        model=model,
        countries=model.countries if model else (),
        segmentations=model.segmentations if model else {},
        fields=fields,
        found=found,
        curl=curl,
        errors=errors or {},
        notice=notice,
    )


def segments_page(frame: Frame, model: Model, country: str, start: int) -> str:
    """Return the segments of a country, with their modes and the distributions of their amounts.

    `start` is how many segments earlier pages show; a page has at most `MOST_SHOWN`.
    """
    modes = [mode for mode in model.modes if mode.country_code == country]
    after = start + MOST_SHOWN
    return _render(
        "segments.html",
        frame,
        model=model,
        country=country,
        modes=_by_segmentation(modes[start:after]),
        after=after if after < len(modes) else None,
    )


def report_page(
    frame: Frame,
    shown: Shown,
    quality: Quality | None,
    country: str,
    what_if: Asked[WhatIfForm],
    best: Asked[BestRangesForm],
    *,
    may_start: bool,
) -> str:
    """Return the analysis of the served model, with the forms of a what-if and of best ranges, and their answers.

    The amounts are those of the part that is `shown`. The charts by month are of one country. If `may_start`, people
    can publish the best ranges.
    """
    model = shown.whole
    found = BestRanges.model_validate(best.answer) if best.answer else None
    best_window = best.form.request().window or model.window if found else model.window
    return _render(
        "report.html",
        frame,
        model=model,
        quality=quality,
        shown=shown,
        worth=quality_charts.worth(quality, shown.countries) if quality else None,
        country=country,
        charts=quality_charts.country_charts(quality, country) if quality else None,
        rows=model.counts.rows and _rows(model.counts.rows, model.countries),
        age_seconds=(datetime.now(UTC) - model.published_at).total_seconds(),
        heat_maps=_heat_maps(shown),
        what_if=what_if,
        what_if_rows=_shown_rows(_what_if_rows(model, what_if.answer)) if what_if.answer else None,
        best=best,
        best_window=best_window.written,
        found=found,
        offers=offers(model, best_window, found) if found else (),
        may_start=may_start,
    )


_START_FIELDS = ("mode", "source", "countries", "cur_date", "window", "overlap")
_REMODEL, _HISTORY, _FILE = _START_FORMS = ("remodel", "history", "file")


class UploadsTo(NamedTuple):
    """Where the form with a file uploads it to, and how large it may be, in bytes."""

    address: str
    most_bytes: int


class ShownForm(NamedTuple):
    """A form as it is shown: its values, and the errors by field."""

    fields: Mapping[str, str]
    errors: Mapping[str, str]


class StartForm(NamedTuple):
    """The forms that start a run: what was sent, the errors by field, and a notice."""

    fields: Mapping[str, str]
    errors: Mapping[str, str]
    notice: str | None
    uploads_to: UploadsTo

    @property
    def shown(self) -> dict[str, ShownForm]:
        """The forms by their names: the one that was sent with its values and errors, the others blank."""
        named = self.fields.get("form", _REMODEL if self.fields.get("mode") == _REMODEL else _HISTORY)
        sent = {name: self.fields.get(name, "") for name in _START_FIELDS}
        blank = ShownForm(dict.fromkeys(_START_FIELDS, ""), {})
        return dict.fromkeys(_START_FORMS, blank) | {named: ShownForm(sent, self.errors)}


def runs_page(
    frame: Frame,
    runs: Sequence[Mapping[str, Any]],
    versions: Sequence[Mapping[str, Any]],
    start_form: StartForm | None,
) -> str:
    """Return the last runs (`run_reports.ListedRun`) and the kept versions (`model_report.KeptVersion`).

    With a `start_form`, people can start runs, and serve versions again, from the page.
    """
    return _render(
        "runs.html",
        frame,
        runs=runs,
        live=any(run["status"] == "RUNNING" for run in runs),
        versions=versions,
        start=start_form,
    )


def run_page(frame: Frame, run: Mapping[str, Any], *, may_start: bool) -> str:
    """Return the page of a run: its states, its rows, its error, and what it published.

    If `may_start`, people can approve a run that the quality gate held back.
    """
    rows, summary = run["rows"] and Totals.model_validate(run["rows"]), run["summary"]
    assigned = assigned_of(summary)
    facts = {name: summary[key] for key, name in _FACTS.items() if summary.get(key) is not None}
    if (left_out := summary.get("left_out", {})).get("objects"):
        facts["Not read (not named like parquet, CSV or JSON lines)"] = wording.first_of(
            left_out["names"], left_out["objects"]
        )
    unusable = UnusableSources.model_validate(summary.get("unusable") or {})
    if unusable.files:
        facts["Left out, because they cannot be used"] = wording.first_of(unusable.names, unusable.files)
    if summary.get("served_version") not in {None, summary.get("version")}:
        facts["Still served"] = summary["served_version"]
    if summary.get("window"):
        facts["Window"] = str(Window.model_validate(summary["window"])).capitalize()
    if again := (summary.get("counted_again") or {}).get("days"):
        facts["Days counted before"] = f"{again:,}"
    if rows and rows.replaced:
        facts["Assignments replaced"] = f"{rows.replaced:,}"
    if rows and rows.amounts_rounded:
        facts["Amounts rounded to 15 digits"] = f"{rows.amounts_rounded:,}"
    return _render(
        "run.html",
        frame,
        run=run,
        may_approve=may_start and run["error"] in HELD_BACK and not run["published"],
        overlaps=run["error"] == DeliveryOverlaps.__name__,
        rows=_rows(rows, summary.get("countries", ())) if rows else None,
        assigned=assigned and {"on": assigned, "bars": charts.months(assigned)},
        cost=summary.get("cost"),
        texts=Texts.model_validate(summary.get("texts") or {}),
        striking=[StrikingDate.model_validate(found).sentence for found in summary.get("striking_dates", ())],
        facts=facts,
    )


def problem_page(frame: Frame, title: str, detail: str) -> str:
    """Return the page of a problem, for people."""
    return _render("problem.html", frame, title=title, detail=detail)


def shell_page(frame: Frame) -> str:
    """Return a page without data, which asks for an API key and then fetches its view."""
    return _render("shell.html", frame, title=dict(PAGES)[frame.page])


_WORDS = ("age", "amount", "duration", "evidence", "kind", "moment", "money", "number", "outcome", "percent", "status")
_FACTS = {
    "source": "History",
    "cur_date": "CUR_DATE",
    "files": "Files",
    "known_files": "Files counted before",
    "base_run_id": "Added to the counts of run",
    "counts_run_id": "From the counts of run",
    "changed_segments": "Segments with another amount",
    "assigned": "Customers with an amount",
    "fallback": "Fallback",
    "least_support": "Least support",
    "output": "Amounts written to",
    "manifest_key": "Their manifest",
    "version": "Version",
    "previous_version": "Served before",
}


def _by_segmentation(modes: Iterable[SegmentMode]) -> dict[str, list[SegmentMode]]:
    found: dict[str, list[SegmentMode]] = {}
    for mode in modes:
        found.setdefault(mode.segment_name, []).append(mode)
    return found


def _heat_maps(shown: Shown) -> dict[str, dict[str, charts.HeatMap]]:
    """Return the heat maps of the segments that are shown, by country and segmentation."""
    by_country: dict[str, list[SegmentMode]] = {country: [] for country in shown.countries}
    for mode in shown.part.modes:
        by_country[mode.country_code].append(mode)
    return {
        country: {name: charts.heat_map(found) for name, found in _by_segmentation(modes).items()}
        for country, modes in by_country.items()
    }


def _rows(totals: Totals, countries: Sequence[str]) -> dict[str, Any]:
    others = listed(totals.other_countries, totals.other_country, countries)
    return {"total": totals.rows_read, "bars": charts.rows_read(totals), "other_countries": others}


def _what_if_rows(model: Model, what_if: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every segment of a what-if with its served amount and change; then the segments that would be gone."""
    served = {mode.key: mode.voucher_amount for mode in model.modes}
    changes = {_segment_key(change): change for change in what_if["changes"]}
    rows = []
    for segment in what_if["segments"]:
        key = _segment_key(segment)
        changed = ("changed" if key in served else "new") if changes.pop(key, None) else ""
        rows.append({**segment, "served_amount": served.get(key), "changed": changed})
    nothing = {"voucher_amount": None, "support": None, "share": None}
    return rows + [{**change, **nothing, "changed": "gone"} for change in changes.values()]


def _shown_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a what-if that a page shows: if there are too many, the first of those that change."""
    return rows if len(rows) <= MOST_SHOWN else [row for row in rows if row["changed"]][:MOST_SHOWN]


def _segment_key(segment: Mapping[str, Any]) -> SegmentKey:
    return SegmentKey(segment["country_code"], segment["segment_name"], segment["segment"])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in _WORDS}
    environment.globals |= {
        "causes": {cause.value: words for cause, words in wording.CAUSES.items()},
        "clarity": wording.clarity,
        "dialects": tuple(DIALECTS),
        "distribution": charts.distribution,
        "evidence_names": wording.EVIDENCE,
        "low_support": LOW_SUPPORT,
        "measures": tuple(Measure),
        "most_ranges": MOST_RANGES,
        "most_shown": MOST_SHOWN,
        "points": wording.points,
        "used_most": wording.USED_MOST,
        "why_country": wording.why_country,
    }
    return environment


@cache
def _style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    return "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("pages.js", "uploads.js"))


def _source(text: str) -> str:
    """Return the name of an inline style or script in a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _render(template: str, frame: Frame, **values: object) -> str:
    page = _environment().get_template(template)
    return page.render(frame=frame, style=_style(), script=_script(), **values)
