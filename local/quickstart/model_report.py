"""What the quickstart shows of models: segments with their amounts, an answer to a lookup, the versions there are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from local.quickstart.steps import StepError
from local.quickstart.terminal import console, notices, show_table
from voucher_selection.api.wording import duration
from voucher_selection.domain.evidence import LOW_SUPPORT, Evidence, evidence_of
from voucher_selection.domain.wording import amount

_SHADES = "█▓▒░"
# From this width on, there is room for the amounts that come next.
_ROOMY = 112
_BAR_WIDTH, _ROOMY_BAR_WIDTH = 18, 24
_OTHERS_NAMED = 2
_REMARKS = {
    Evidence.CLEAR: "",
    Evidence.NEAR_TIE: "[yellow]near tie[/]",
    Evidence.THIN: "[yellow]thin[/]",
    Evidence.NONE: "[dim]none[/]",
}
_EXPLAINED = {
    Evidence.NEAR_TIE: "near tie: the two leading amounts differ by no more than chance would have them",
    Evidence.THIN: f"thin: support below {LOW_SUPPORT}",
}


def model_report(
    criteria: Mapping[str, Any], country: str | None, segment_name: str | None, now: datetime
) -> dict[str, Any]:
    """Return the answer of `GET /selection_criteria` for one country or segmentation, or for all.

    The model has its age at `now` besides (`age_seconds`), and each segment what stands behind its mode (`evidence`).

    Raises
    ------
    StepError
        The model has no such country or segmentation.
    """
    segments = criteria["segments"]
    for name, value, option in (
        ("country_code", country, "--country"),
        ("segment_name", segment_name, "--segment-name"),
    ):
        known = dict.fromkeys(segment[name] for segment in segments)
        if value is not None and value not in known:
            raise StepError(f"{option}: the model has {', '.join(known)}, not {value}")
        segments = [segment for segment in segments if value in (None, segment[name])]
    age = now - datetime.fromisoformat(criteria["model"]["published_at"])
    return {
        "model": {**criteria["model"], "age_seconds": round(age.total_seconds())},
        "segments": [segment | {"evidence": evidence_of(_counts(segment)).value} for segment in segments],
    }


def show_report(report: Mapping[str, Any]) -> None:
    """Print a model's facts, and of each segmentation a table with the distribution of amounts."""
    model = report["model"]
    published = datetime.fromisoformat(model["published_at"]).astimezone(UTC)
    console.print(f"Version    {model['version']}", markup=False, soft_wrap=True)
    console.print(f"CUR_DATE   {model['cur_date']}")
    console.print(f"Published  {published:%Y-%m-%d %H:%M:%S} UTC, {duration(model['age_seconds'])} ago")
    for (country, segment_name), segments in groupby(
        report["segments"], key=lambda segment: (segment["country_code"], segment["segment_name"])
    ):
        console.print()
        console.print(f"{country} by {segment_name}", style="bold", markup=False)
        show_table(_distribution_table(segments))
    found = {Evidence(segment["evidence"]) for segment in report["segments"]}
    for evidence, explanation in _EXPLAINED.items():
        if evidence in found:
            console.print(explanation, style="yellow")


def show_segments(criteria: dict[str, Any]) -> None:
    """Print every segment with its mode."""
    title = f"The voucher amount used most, by segment (CUR_DATE {criteria['model']['cur_date']})"
    table = Table(title=title, box=SIMPLE_HEAD)
    for name in ("Country", "Segmentation", "Segment"):
        table.add_column(name, no_wrap=True)
    for name in ("Amount", "Support", "Share", "Runner-up"):
        table.add_column(name, justify="right", no_wrap=True)
    for segment in criteria["segments"]:
        table.add_row(
            *(escape(segment[name]) for name in ("country_code", "segment_name", "segment")),
            *(_ranked(segment)),
        )
    show_table(table)


def show_left_behind(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Print what a full run no longer serves of the model before it, which had been made for other inputs."""
    for what, of_model, how in _INPUTS:
        if gone := [name for name in of_model(before) if name not in of_model(now)]:
            told = f"Served before and no longer: {what} {', '.join(gone)}. {how}"
            notices.print(told, style="yellow", markup=False, soft_wrap=True)


def _countries(criteria: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(segment["country_code"] for segment in criteria["segments"]))


def _segments(criteria: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(f"{each['segment_name']} {each['segment']}" for each in criteria["segments"]))


def _cur_date(criteria: Mapping[str, Any]) -> list[str]:
    return [criteria["model"]["cur_date"]]


_INPUTS: Sequence[tuple[str, Callable[[Mapping[str, Any]], list[str]], str]] = (
    ("the countries", _countries, "Name them again with --country, or for every run with --set countries=…"),
    ("the segments", _segments, "A full run has the deployment's own: change these with --set segments_file=FILE"),
    ("CUR_DATE", _cur_date, "Name it again with --cur-date, or for every run with --set cur_date=…"),
)
"""What the next full run takes from the deployment when it is not named: what it is called, and how it is kept."""


def show_voucher(answer: Mapping[str, Any]) -> None:
    """Print the answer to a lookup as a sentence."""
    whom = f"Customer {answer['customer_id']}" if answer["customer_id"] is not None else "The customer"
    console.print(
        f"{whom} gets a voucher of [bold green]{amount(answer['voucher_amount'])}[/]: the amount used most in segment"
        f" {escape(answer['segment'])} of {escape(answer['segment_name'])} in {escape(answer['country_code'])},"
        f" {answer['share']:.1%} of {answer['support']:,}.",
        soft_wrap=True,
    )
    console.print(
        f"From model {answer['model']['version']}, CUR_DATE {answer['model']['cur_date']}", style="dim", soft_wrap=True
    )


def show_problem(problem: Mapping[str, Any]) -> None:
    """Print why a lookup has no answer, with each field that cannot be used."""
    errors = problem.get("errors", [])
    told = [f"{error['field']}: {error['detail']}" for error in errors]
    if not errors:
        told = [str(problem.get("detail") or problem.get("message") or problem)]
    heading = " ".join(str(problem[name]) for name in ("status", "code") if name in problem)
    for line in [f"no voucher ({heading})" if heading else "no voucher", *(f"  {line}" for line in told)]:
        notices.print(line, style="red", markup=False, soft_wrap=True)


def show_versions(found: Mapping[str, Any]) -> None:
    """Print the versions that there are, the newest first."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("", "Version", "CUR_DATE", "Published (UTC)", "Countries"):
        table.add_column(name, no_wrap=True)
    table.add_column("Segments", justify="right")
    for version in found["versions"]:
        marks = {found["served"]: "[green]served[/]", found["previous"]: "before"}
        expires = "[dim]expires[/]" if version["expires_at"] else ""
        table.add_row(
            marks.get(version["version"], expires),
            version["version"],
            version["cur_date"],
            f"{datetime.fromisoformat(version['published_at']).astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            escape(", ".join(version["countries"])),
            str(version["segments"]),
        )
    if found["versions"]:
        show_table(table)
    else:
        console.print("Nothing has been published yet.")


def stacked_bar(shares: Sequence[float], width: int) -> str:
    """Return a bar of `width` characters that is divided by the shares, which add up to 1: `█████▓▓▒░`.

    The first three have a shade each, and all others the lightest. Ends are rounded, so that no part is more than half
    a character off.
    """
    parts = [*shares[: len(_SHADES) - 1], sum(shares[len(_SHADES) - 1 :])]
    ends = [0, *(round(sum(parts[: number + 1]) * width) for number in range(len(parts)))]
    return "".join(shade * (end - start) for shade, (start, end) in zip(_SHADES, pairwise(ends), strict=False))


def _distribution_table(segments: Iterable[Mapping[str, Any]]) -> Table:
    is_roomy = console.width >= _ROOMY
    width = _ROOMY_BAR_WIDTH if is_roomy else _BAR_WIDTH
    table = Table(box=SIMPLE_HEAD)
    table.add_column("Segment", no_wrap=True, min_width=12)
    table.add_column("Amount", justify="right", no_wrap=True)
    table.add_column("Share", justify="right", no_wrap=True)
    table.add_column("Distribution", no_wrap=True, min_width=width)
    table.add_column("Support", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    if is_roomy:
        table.add_column("Next", no_wrap=True)
    for segment in segments:
        (leading, share), *others = [*_amounts(segment)] or [("-", "-")]
        shares = [count / segment["support"] for count in _counts(segment)]
        table.add_row(
            escape(segment["segment"]),
            f"[bold]{leading}[/]",
            share,
            f"[cyan]{stacked_bar(shares, width)}[/]" if shares else "",
            f"{segment['support']:,}",
            _REMARKS[Evidence(segment["evidence"])],
            *([_next(others)] if is_roomy else []),
        )
    return table


def _next(others: Sequence[tuple[str, str]]) -> str:
    named = [" ".join(other) for other in others[:_OTHERS_NAMED]]
    return ", ".join(named + ["…"] * (len(others) > _OTHERS_NAMED))


def _counts(segment: Mapping[str, Any]) -> list[int]:
    return [assignment["count"] for assignment in segment["assignments"]]


def _amounts(segment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the amounts of a segment with their shares, as text."""
    for assignment in segment["assignments"]:
        yield amount(assignment["voucher_amount"]), f"{assignment['count'] / segment['support']:.1%}"


def _ranked(segment: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return the mode, its support and share, and the runner-up, as text."""
    if not segment["assignments"]:
        return "-", "0", "-", "-"
    (leading, share), *others = _amounts(segment)
    return leading, f"{segment['support']:,}", share, " at ".join(others[0]) if others else "-"
