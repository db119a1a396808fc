"""What the quickstart shows of how good a model is: what segmentations are worth, and the best ranges of a measure."""

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from local.quickstart.machine.terminal import console, show_table, table_of
from voucher_selection.domain.changes import Cause
from voucher_selection.domain.wording import USED_MOST, amount, number, percent, points

if TYPE_CHECKING:
    from voucher_selection.domain.quality_document import AmountsOfMonth, Quality

# What a terminal has room for; `--json` has all.
_MOST_MONTHS = 6
_MARKS = {Cause.OWN: "*", Cause.SHIFT: "~"}


def show_quality(quality: "Quality") -> None:
    """Print what each segmentation is worth, in the past and in the last month."""
    ranks = ("Support", "Segments", "One amount", "Worth", "Last month")
    table = table_of("Country", "Segmentation", *ranks, right=ranks, title="Past vouchers that the model would give")
    for found in quality["segmentations"]:
        agreement, last = found["agreement"], found["backtest"][-1] if found["backtest"] else None
        table.add_row(
            escape(found["country_code"]),
            escape(found["segment_name"]),
            number(agreement["support"]),
            _share(agreement["segments"]),
            _share(agreement["country"]),
            points(agreement["segments"], agreement["country"]),
            f"{last['month']}: {points(last['segments'], last['country'])}" if last else "-",
        )
    show_table(table)
    console.print(
        "Worth: how many points more than one amount for the country. Last month: the same, with a model of the days"
        f" before it. {USED_MOST}",
        style="dim",
    )


def show_months(quality: "Quality") -> None:
    """Print, for each segmentation, the amount used most by month, and how well a model of the days before did."""
    for found in quality["segmentations"]:
        backtest = {month["month"]: month for month in found["backtest"]}
        given = {month["month"] for segment in found["over_time"] for month in segment["months"]}
        months = sorted(given | backtest.keys())[-_MOST_MONTHS:]
        title = f"{found['country_code']} by {found['segment_name']}, by month"
        table = table_of("Segment", *months, right=months, title=escape(title))
        for segment in found["over_time"]:
            of_month = {month["month"]: month for month in segment["months"]}
            table.add_row(escape(segment["segment"]), *(_most_used(of_month.get(month)) for month in months))
        table.add_section()
        tested = [backtest.get(month) for month in months]
        table.add_row("Segments", *(_share(month["segments"] if month else None) for month in tested))
        table.add_row("One amount", *(_share(month["country"] if month else None) for month in tested))
        show_table(table)
    console.print(
        "* the amounts changed, ~ only the sizes of the segment's parts did. The last two lines: the month's vouchers"
        " that a model of the days before would have given.",
        style="dim",
    )


def _most_used(month: "AmountsOfMonth | None") -> str:
    if month is None:
        return "-"
    return f"{amount(month['voucher_amount'])}{_MARKS[month['change']] if month['change'] else ''}"


def show_best_ranges(found: dict[str, Any]) -> None:
    """Print the best ranges of each number, and what they would have been worth in the last month."""
    countries = ", ".join(found["countries"])
    title = f"Best ranges of {found['measure']} in {countries}: {number(found['support'])} vouchers"
    ranks = ("Vouchers", "Agreement", "Last month")
    table = table_of("At most", "Ranges and their amounts", *ranks, right=("At most", *ranks), title=escape(title))
    for each in found["found"]:
        last = each["last_month"]
        table.add_row(
            str(each["most_ranges"]),
            escape("; ".join(_range(one) for one in each["ranges"])),
            number(each["reproduced"]),
            _share(each["agreement"]),
            f"{last['month']}: {_share(last['agreement'])}" if last else "-",
        )
    show_table(table)
    console.print(f"Last month: the ranges of the days before it, tested on it. {USED_MOST}", style="dim")


def _range(found: dict[str, Any]) -> str:
    amounts = ["-" if mode["voucher_amount"] is None else amount(mode["voucher_amount"]) for mode in found["modes"]]
    return f"{found['segment']}: {' / '.join(amounts)}"


def _share(share: float | None) -> str:
    return "-" if share is None else percent(share)
