"""With a fallback to the country, customers get an answer on every day of the year after the last delivery."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.quickstart.here.sample import sample_history
from tests.models import model_of
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.model import CountryMode, Model
from voucher_selection.domain.modes import country_modes, segment_modes
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions

LEAST_SUPPORT = 30
COUNTRIES = ("Peru",)
DATA = Path(__file__).parents[3] / "shared" / "data"


def kept(history: pa.Table) -> pa.RecordBatch:
    """Return the rows of a history that count."""
    (rows,) = history.combine_chunks().to_batches()
    return clean(rows, Reading(COUNTRIES)).kept


def model_on(day: date, counts: Counts, of_countries: Sequence[CountryMode]) -> Model:
    """Return the model of these counts on a day; the modes of the countries are the same on every day."""
    modes = segment_modes(counts, shipped_definitions(), day, COUNTRIES)
    return model_of(*modes, cur_date=day, countries=COUNTRIES, country_modes=of_countries)


def customers_of(rows: pa.RecordBatch) -> list[SimpleNamespace]:
    """Return customers with every number of orders, and every day of the last order, of the rows; one has neither."""
    nobody = {"total_orders": None, "last_order_ts": None, "first_order_ts": None}
    orders = rows["total_orders"].unique().to_pylist()
    days = rows["last_order_ts"].drop_null().unique().to_pylist()
    given = [{}, *({"total_orders": number} for number in orders), *({"last_order_ts": day} for day in days)]
    return [SimpleNamespace(**nobody | fields) for fields in given]


def check_a_year(history: pa.Table) -> None:
    rows = kept(history)
    counts, last_day, customers = Counts.of(rows), max(rows["timestamp"].drop_null().to_pylist()), customers_of(rows)
    of_countries, by_country = country_modes(counts, COUNTRIES), 0
    for days in range(1, 366):
        day = last_day.date() + timedelta(days=days)
        model = model_on(day, counts, of_countries)
        for segmentation in model.definitions.segmentations:
            for value in {segmentation.measure.of_customer(customer, day) for customer in customers}:
                for country in COUNTRIES:
                    mode = model.mode_for(country, segmentation.name, value, LEAST_SUPPORT)
                    assert mode.support >= LEAST_SUPPORT, (day, country, segmentation.name, value)
                    by_country += isinstance(mode, CountryMode)
    assert by_country  # customers whom no segment answers


def test_every_customer_of_a_generated_history_gets_an_answer():
    check_a_year(sample_history(6_000, seed=11))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real history is not at {DATA}; it is not part of the project")
def test_every_customer_of_the_real_history_gets_an_answer():
    check_a_year(pq.ParquetFile(DATA / "vouchers.parquet.gzip").read())
