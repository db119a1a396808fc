"""The counts that a run starts from: those of an earlier run, behind the served model or named."""

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.countries import by_key
from voucher_selection.domain.errors import NoCounts, NoModel, OtherCountries
from voucher_selection.domain.ledger import Ledger


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


def read_ledger(lake: Lake, run_id: str) -> Ledger:
    """Read what a run's counts count.

    Raises
    ------
    NoCounts
        The run has left no counts.
    """
    ledger = lake.read_json_if_there(RunKeys(run_id).ledger, Ledger)
    if ledger is None:
        raise NoCounts(
            f"run {run_id!r} has left no counts in production/: name a run over a history that succeeded, or none for"
            " the counts behind the served model"
        )
    return ledger


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
