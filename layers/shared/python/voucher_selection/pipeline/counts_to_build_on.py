"""The counts that a run builds on: those of the served model, or those of a named earlier run."""

from typing import NamedTuple

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.country_keys import by_key
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import NoCounts, NoModel, OldCounts, OtherCountries, OtherTimeZone
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import CountsOrigin


def served_base(catalog: Catalog) -> Base:
    """Return the served version, which names the run of its counts; raise `NoCounts` if no model is served yet."""
    try:
        return catalog.base()
    except NoModel as error:
        raise no_counts_yet() from error


def base_if_served(catalog: Catalog) -> Base | None:
    """Return the served version; None if no model is served yet."""
    try:
        return catalog.base()
    except NoModel:
        return None


def no_counts_yet() -> NoCounts:
    """Return the error of a run that needs the counts of the served model before the first is served."""
    return NoCounts("no counts exist yet: run the pipeline on a whole history first")


class CountsToModel(NamedTuple):
    """Counts to make a model from: their run, countries, time zone and ledger (None: an older version)."""

    origin: CountsOrigin
    countries: tuple[str, ...]
    time_zone: str
    ledger: Ledger | None


def counts_to_model(run_id: str | None, base: Base | None, lake: Lake) -> CountsToModel:
    """Return which counts to use: those of a named run, or else those of the served model.

    Raises
    ------
    NoCounts
        The run left no counts, or no model is served yet.
    """
    if run_id:
        ledger = read_ledger(lake, CountsOrigin(run_id))
        origin = CountsOrigin(run_id, ledger.rows, lake.stored(RunKeys(run_id).ledger))
        return CountsToModel(origin, ledger.countries, ledger.time_zone, ledger)
    if base is None:
        raise no_counts_yet()
    served = base.served
    return CountsToModel(served.counts, served.countries, served.time_zone, ledger_if_there(lake, served.counts))


def read_ledger(lake: Lake, counted: CountsOrigin) -> Ledger:
    """Read the ledger of a run's counts, as `ledger_if_there` does; raise `NoCounts` if the run left none."""
    ledger = ledger_if_there(lake, counted)
    if ledger is None:
        raise NoCounts(
            f"run {counted.run_id!r} left no counts in production/: name a successful run over a history, or leave out"
            " `run_id` for the counts of the served model"
        )
    return ledger


def ledger_if_there(lake: Lake, counted: CountsOrigin) -> Ledger | None:
    """Read the ledger of a run's counts; None if the run wrote none, like those of older versions.

    Raises
    ------
    ObjectMissing, ObjectAltered
        The ledger is missing, or differs from the one that the model was published with.
    """
    key = RunKeys(counted.run_id).ledger
    if counted.ledger is None:
        return lake.read_json_if_there(key, Ledger)
    return lake.read_json(key, Ledger, counted.ledger)


def read_counts(lake: Lake, run_id: str, ledger: Ledger | None) -> Counts:
    """Read a run's counts, and check them against its ledger, as `Lake.read_counts` does.

    Raises
    ------
    OldCounts
        An older version wrote them, and did not count all that this version needs.
    """
    written = ledger.counts if ledger else None
    if ledger is None or written is None or any(measure not in written.rows for measure in Measure):
        raise OldCounts(
            f"the counts of run {run_id!r} are of an older version, and lack"
            f" {'the days of assignment' if written is None else 'some measures'}: run the whole history once, which"
            " counts it again"
        )
    return lake.read_counts(ledger.counts_key or RunKeys(run_id).counts_of_before, written)


def check_countries(ledger: Ledger, countries: tuple[str, ...]) -> None:
    """Raise `OtherCountries` if new rows are of other countries than the counts: old rows cannot be counted again."""
    if by_key(countries).keys() != by_key(ledger.countries).keys():
        raise OtherCountries(
            f"the counts are of {', '.join(ledger.countries)}, but the new history is for"
            f" {', '.join(countries)}: leave out `countries`, or run the whole history for these countries"
        )


def check_time_zone(ledger: Ledger, time_zone: str) -> None:
    """Raise `OtherTimeZone` if new rows are counted by days of another time zone than the counts."""
    if time_zone != ledger.time_zone:
        raise OtherTimeZone(
            f"the counts are by days of {ledger.time_zone}, but the new history is by days of"
            f" {time_zone}: run the whole history, or set `time_zone` back to {ledger.time_zone}"
        )
