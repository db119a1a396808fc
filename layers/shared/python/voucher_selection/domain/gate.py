"""The quality gate: which models may be published without a person's approval, and why others are held back."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.errors import HeldBack
from voucher_selection.domain.model import Model, SegmentMode
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.wording import amount

type Share = Annotated[float, Field(ge=0, le=1)]


class Thresholds(BaseModel):
    """Thresholds that a run must meet to be published; None means no limit.

    Attributes
    ----------
    most_malformed_share
        The highest share of malformed rows, among the rows of the run's countries (0 to 1).
    most_rejected_rise
        How far a rule's share of rejected rows may rise above its share for the served model (0 to 1).
    least_kept_rows
        How many rows must be kept.
    most_lost_segments
        How many segments that have support in the served model may lose it.
    least_support_of_change
        The support that a segment needs to change its amount from that in the served model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_malformed_share: Share | None = None
    most_rejected_rise: Share | None = None
    least_kept_rows: PositiveInt | None = None
    most_lost_segments: Annotated[int, Field(ge=0)] | None = None
    least_support_of_change: PositiveInt | None = None

    def with_those_of(self, run: Self | None) -> Self:
        """Return these thresholds, replaced by those that a run names."""
        named = {} if run is None else {name: getattr(run, name) for name in run.model_fields_set}
        return self.model_copy(update=named)


def check(
    modes: Sequence[SegmentMode],
    rows: Totals | None,
    baseline: Model | None,
    thresholds: Thresholds,
    hints: Iterable[object] = (),
) -> None:
    """Check a new model against the thresholds.

    Parameters
    ----------
    rows
        The totals of the rows that the run read; None for a run that reads no rows.
    baseline
        The served model to compare with; None if no model is served, or it cannot be read.
    hints
        Why rows may be malformed; the error names these beside too many malformed rows.

    Raises
    ------
    HeldBack
        Names every threshold that the model fails, with the limit and the value found.
    """
    reasons = [*_of_rows(rows, baseline.counts.rows if baseline else None, thresholds, hints)] if rows else []
    reasons += _of_segments(modes, baseline.modes if baseline else (), thresholds)
    if reasons:
        raise HeldBack(f"the quality gate holds the model back; the served model stays: {'; '.join(reasons)}")


def _of_rows(rows: Totals, before: Totals | None, thresholds: Thresholds, hints: Iterable[object]) -> Iterator[str]:
    malformed = _share(rows, Rule.MALFORMED)
    if thresholds.most_malformed_share is not None and malformed > thresholds.most_malformed_share:
        came, limit = _percents(malformed, thresholds.most_malformed_share)
        said = "".join(f"; {hint}" for hint in hints)
        yield f"{came} of the rows are malformed (most_malformed_share {limit}){said}"
    if thresholds.least_kept_rows is not None and rows.kept < thresholds.least_kept_rows:
        yield f"{rows.kept:,} rows were kept (least_kept_rows {thresholds.least_kept_rows:,})"
    if thresholds.most_rejected_rise is None or before is None:
        return
    for rule in Rule:
        share, share_before, rise = _share(rows, rule), _share(before, rule), thresholds.most_rejected_rise
        if share - share_before > rise:
            now, then, limit, _ = _percents(share, share_before, rise, share_before + rise)
            yield (
                f"{now} of the rows are rejected as {rule.value}, up from {then} for the served model"
                f" (most_rejected_rise {limit})"
            )


def _of_segments(modes: Iterable[SegmentMode], served: Iterable[SegmentMode], thresholds: Thresholds) -> Iterator[str]:
    before = {mode.key_in_any_model: mode for mode in served if mode.support}
    pairs = [(mode, before[key]) for mode in modes if (key := mode.key_in_any_model) in before]
    lost = [str(mode.key) for mode, _ in pairs if not mode.support]
    if thresholds.most_lost_segments is not None and len(lost) > thresholds.most_lost_segments:
        yield f"segments that lost support: {', '.join(lost)} (most_lost_segments {thresholds.most_lost_segments})"
    least = thresholds.least_support_of_change
    if least is None:
        return
    for mode, known in pairs:
        if 0 < mode.support < least and mode.voucher_amount != known.voucher_amount:
            yield (
                f"{mode.key} would change from {_amount(known)} to {_amount(mode)} with a support of {mode.support:,}"
                f" (least_support_of_change {least:,})"
            )


def _share(rows: Totals, rule: Rule) -> float:
    own = rows.rows_read - rows.other_country
    return rows.rejected[rule] / own if own else 0.0


def _percents(*shares: float) -> list[str]:
    """Return shares in percent, with enough decimals (at least two) that different shares look different."""
    for decimals in range(2, 13):
        texts = [f"{share:.{decimals}%}" for share in shares]
        if len(set(texts)) == len(set(shares)):
            break
    return texts


def _amount(mode: SegmentMode) -> str:
    return amount(mode.assignments[0].voucher_amount)  # it has support
