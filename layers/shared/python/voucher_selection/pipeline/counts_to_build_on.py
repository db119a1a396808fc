"""The counts that a run starts from: those of an earlier run, behind the served model or named."""

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.countries import by_key
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import NoCounts, NoModel, OtherCountries, OtherTimeZone
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.model import CountsOrigin


def served_base(catalog: Catalog) -> Base:
    """Return the served version and the run whose counts are behind it.

    Raises
    ------
    NoCounts
        Nothing is served yet.
    """
    try:
        return catalog.base()
    except NoModel as error:
        raise NoCounts("there are no counts to start from yet: run the pipeline on a whole history first") from error


def read_ledger(lake: Lake, counted: CountsOrigin) -> Ledger:
    """Read what counts count.

    Raises
    ------
    NoCounts
        The run has left no counts.
    ObjectMissing, ObjectAltered
        The ledger is not the one that a model was published with.
    """
    ledger = ledger_if_there(lake, counted)
    if ledger is None:
        raise NoCounts(
            f"run {counted.run_id!r} has left no counts in production/: name a run over a history that succeeded, or"
            " none for the counts behind the served model"
        )
    return ledger


def ledger_if_there(lake: Lake, counted: CountsOrigin) -> Ledger | None:
    """Read what counts count; None where nobody wrote it down, as before there were ledgers.

    Raises
    ------
    ObjectMissing, ObjectAltered
        The ledger is not the one that a model was published with.
    """
    key = RunKeys(counted.run_id).ledger
    if counted.ledger is None:
        return lake.read_json_if_there(key, Ledger)
    return lake.read_json(key, Ledger, counted.ledger)


def read_counts(lake: Lake, run_id: str, ledger: Ledger | None) -> Counts:
    """Read a run's counts, which have to be those that its ledger was written with.

    Raises
    ------
    ObjectMissing, ObjectAltered
    """
    return lake.read_counts(RunKeys(run_id).merged_counts, ledger.counts if ledger else None)


def check_countries(ledger: Ledger, countries: tuple[str, ...]) -> None:
    """Refuse to add rows of other countries than the counts are of: the rows of their objects are long gone.

    Raises
    ------
    OtherCountries
    """
    if by_key(countries).keys() != by_key(ledger.countries).keys():
        raise OtherCountries(
            f"the counts are of {', '.join(ledger.countries)}, and new history was to be counted for"
            f" {', '.join(countries)}: leave out `countries`, or run the whole history for these countries"
        )


def check_time_zone(ledger: Ledger, time_zone: str) -> None:
    """Refuse to add rows by the days of another time zone than the counts have.

    Raises
    ------
    OtherTimeZone
    """
    if time_zone != ledger.time_zone:
        raise OtherTimeZone(
            f"the counts are by the days of {ledger.time_zone}, and new history was to be counted by those of"
            f" {time_zone}: run the whole history, or set `time_zone` back to {ledger.time_zone}"
        )
