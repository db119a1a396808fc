"""What the quickstart shows of files in the inbox."""

from collections import Counter
from collections.abc import Sequence

from local.quickstart.machine.terminal import console
from voucher_selection.domain.inbox_results import InboxResult
from voucher_selection.domain.wording import duration

_MARKS = {"counted": "[green]✓[/]", "counted_before": "[green]✓[/]"}
_WORDS = {"counted_before": "counted before", "held_back": "held back"}


def show_result(result: InboxResult) -> None:
    """Print what became of a file: in a word, in words, and with the run."""
    run = f" (run {result.run_id})" if result.run_id else ""
    console.print(_MARKS.get(result.status, "[red]✗[/]"), end=" ")
    console.print(f"{result.name}: {_word(result.status)}{run}. {result.message}", markup=False)


def show_sum(results: Sequence[InboxResult], seconds: float) -> None:
    """Print how many files were counted, refused and so on, and how long all took."""
    words = ", ".join(
        f"{count:,} {_word(status)}" for status, count in Counter(each.status for each in results).items()
    )
    console.print(f"{words}, in {duration(seconds)}")


def _word(status: str) -> str:
    return _WORDS.get(status, status)
