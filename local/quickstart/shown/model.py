"""What the quickstart shows of models: their segments, and the versions."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import console, notices, show_table, table_of
from local.quickstart.shown.quality import show_months, show_quality
from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.evidence import LOW_SUPPORT, Evidence
from voucher_selection.domain.windows import Window
from voucher_selection.domain.wording import EVIDENCE, age, amount, moment

if TYPE_CHECKING:
    from voucher_selection.api.model_report import KeptVersion, ModelReport, SegmentReport
    from voucher_selection.domain.model_document import SegmentAnswer, SelectionCriteria
    from voucher_selection.domain.quality_document import Quality

_SHADES = "█▓▒░"
# From this width on, the next amounts have room.
_ROOMY = 112
_BAR_WIDTH, _ROOMY_BAR_WIDTH = 18, 24
_OTHERS_NAMED = 2
_COLOURS = {Evidence.NEAR_TIE: "yellow", Evidence.THIN: "yellow", Evidence.NONE: "dim"}
_EXPLAINED = {
    Evidence.NEAR_TIE: "near tie: the two leading amounts differ by no more than chance explains",
    Evidence.THIN: f"thin: support below {LOW_SUPPORT}",
}
# How such an input stays as it was served.
_KEPT = {
    "the countries": "Name them again with --country, or for every run with --set countries=…",
    "the segments": "A full run has the deployment's own: change these with --set segments_file=FILE",
    "CUR_DATE": "Name it again with --cur-date, or for every run with --set cur_date=…",
}


def filtered(report: "ModelReport", country: str | None, segment_name: str | None) -> "ModelReport":
    """Return a model's analysis with the segments of a country, a segmentation or both; `StepError` if it lacks one."""
    segments: list[Any] = list(report["segments"])
    names = by_key(segment["country_code"] for segment in segments)
    country = country and names.get(country_key(country), country)
    asked = (("country_code", country, "--country"), ("segment_name", segment_name, "--segment-name"))
    for name, value, option in asked:
        known = dict.fromkeys(segment[name] for segment in segments)
        if value is not None and value not in known:
            raise StepError(f"{option}: the model has {', '.join(known)}, not {value}")
        segments = [segment for segment in segments if value in (None, segment[name])]
    return {**report, "segments": segments, "quality": _of_segments(report["quality"], segments)}


def _of_segments(quality: "Quality | None", segments: Iterable[Any]) -> "Quality | None":
    """Return how good the countries and segmentations of some segments are."""
    if quality is None:
        return None
    shown = {(segment["country_code"], segment["segment_name"]) for segment in segments}
    countries = {country for country, _ in shown}
    return {
        "segmentations": [q for q in quality["segmentations"] if (q["country_code"], q["segment_name"]) in shown],
        "countries": [found for found in quality["countries"] if found["country_code"] in countries],
    }


def show_report(report: "ModelReport", *, by_month: bool = False) -> None:
    """Print a model's facts, a table for each segmentation with the distribution of amounts, and how good it is."""
    console.print(f"Version    {report['version']}", markup=False)
    console.print(f"CUR_DATE   {report['cur_date']}")
    console.print(f"Window     {Window.model_validate(report['window'])}")
    console.print(f"Published  {moment(report['published_at'])}, {age(report['age_seconds'])}")
    for (country, segment_name), segments in groupby(
        report["segments"], key=lambda segment: (segment["country_code"], segment["segment_name"])
    ):
        console.print()
        console.print(f"{country} by {segment_name}", style="bold", markup=False)
        show_table(_distribution_table(segments))
    if report["quality"]:
        console.print()
        show_quality(report["quality"])
        if by_month:
            console.print()
            show_months(report["quality"])
    found = {segment["evidence"] for segment in report["segments"]}
    for evidence, explanation in _EXPLAINED.items():
        if evidence in found:
            console.print(explanation, style="yellow")


def show_segments(criteria: "SelectionCriteria") -> None:
    """Print every segment with its mode."""
    model = criteria["model"]
    window = Window.model_validate(model["window"])
    days = "" if window.is_all else f", given in {window}"
    title = f"The voucher amount used most, by segment (CUR_DATE {model['cur_date']}{days})"
    ranks = ("Amount", "Support", "Share", "Runner-up")
    table = table_of("Country", "Segmentation", "Segment", *ranks, right=ranks, title=title)
    for segment in criteria["segments"]:
        names = (escape(segment[name]) for name in ("country_code", "segment_name", "segment"))
        table.add_row(*names, *_ranked(segment))
    show_table(table)


def show_left_behind(before: "SelectionCriteria", now: "SelectionCriteria") -> None:
    """Print what the model before a full run had, and the new one does not: inputs that the run did not name."""
    after = _inputs(now)
    for what, names in _inputs(before).items():
        if gone := [name for key, name in names.items() if key not in after[what]]:
            text = f"Served before and no longer: {what} {', '.join(gone)}. {_KEPT[what]}"
            notices.print(text, style="yellow", markup=False)


def _inputs(criteria: "SelectionCriteria") -> dict[str, dict[str, str]]:
    """Return the inputs of a model that a full run takes from the deployment if the command does not name them.

    The names of each are by what is the same in every model.
    """
    segments = [f"{each['segment_name']} {each['segment']}" for each in criteria["segments"]]
    cur_date = criteria["model"]["cur_date"]
    return {
        "the countries": by_key(segment["country_code"] for segment in criteria["segments"]),
        "the segments": dict(zip(segments, segments, strict=True)),
        "CUR_DATE": {cur_date: cur_date},
    }


def show_versions(versions: "Sequence[KeptVersion]") -> None:
    """Print versions as a table."""
    if not versions:
        console.print("Nothing has been published yet.")
        return
    table = table_of("", "Version", "CUR_DATE", "Published", "Countries", "Segments", right=("Segments",))
    for version in versions:
        table.add_row(
            _mark(version),
            version["version"],
            version["cur_date"],
            moment(version["published_at"]),
            escape(", ".join(version["countries"])),
            str(version["segments"]),
        )
    show_table(table)


def _mark(version: "KeptVersion") -> str:
    if version["is_served"]:
        return "[green]served[/]"
    return "before" if version["is_previous"] else "[dim]expires[/]" if version["expires_at"] else ""


def stacked_bar(shares: Sequence[float], width: int) -> str:
    """Return a bar of `width` characters, divided by shares that add up to 1: `█████▓▓▒░`.

    The first three parts have a shade each; all others share the lightest. Ends are rounded, so no part is more than
    half a character off.
    """
    parts = [*shares[: len(_SHADES) - 1], sum(shares[len(_SHADES) - 1 :])]
    ends = [0, *(round(sum(parts[: number + 1]) * width) for number in range(len(parts)))]
    return "".join(shade * (end - start) for shade, (start, end) in zip(_SHADES, pairwise(ends), strict=False))


def _distribution_table(segments: "Iterable[SegmentReport]") -> Table:
    is_roomy = console.width >= _ROOMY
    width = _ROOMY_BAR_WIDTH if is_roomy else _BAR_WIDTH
    columns = ("Segment", "Amount", "Share", "Distribution", "Support", "", *(["Next"] if is_roomy else []))
    table = table_of(*columns, right=("Amount", "Share", "Support"))
    table.columns[0].min_width, table.columns[3].min_width = 12, width
    for segment in segments:
        (leading, share), *others = [*_amounts(segment)] or [("-", "-")]
        shares = [each["count"] / segment["support"] for each in segment["assignments"]]
        table.add_row(
            escape(segment["segment"]),
            f"[bold]{leading}[/]",
            share,
            f"[cyan]{stacked_bar(shares, width)}[/]" if shares else "",
            f"{segment['support']:,}",
            _remark(segment["evidence"]),
            *([_next(others)] if is_roomy else []),
        )
    return table


def _remark(evidence: str) -> str:
    colour = _COLOURS.get(Evidence(evidence))
    return f"[{colour}]{EVIDENCE[Evidence(evidence)]}[/]" if colour else ""


def _next(others: Sequence[tuple[str, str]]) -> str:
    named = [" ".join(other) for other in others[:_OTHERS_NAMED]]
    return ", ".join(named + ["…"] * (len(others) > _OTHERS_NAMED))


def _amounts(segment: "SegmentAnswer") -> Iterator[tuple[str, str]]:
    """Yield the amounts of a segment with their shares, in words."""
    for assignment in segment["assignments"]:
        yield amount(assignment["voucher_amount"]), f"{assignment['count'] / segment['support']:.1%}"


def _ranked(segment: "SegmentAnswer") -> tuple[str, str, str, str]:
    """Return the mode, its support and share, and the runner-up, in words."""
    if not segment["assignments"]:
        return "-", "0", "-", "-"
    (leading, share), *others = _amounts(segment)
    return leading, f"{segment['support']:,}", share, " at ".join(others[0]) if others else "-"
