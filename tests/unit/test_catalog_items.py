"""The catalog's items of a version give the model back that they were made from."""

from typing import Any

import pytest

from tests.models import model_of
from voucher_selection.adapters.catalog_items import items_of, version_of
from voucher_selection.adapters.catalog_items import model_of as read_model
from voucher_selection.domain.errors import NoModel, UnreadableItem
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.segments import shipped_definitions

COUNTRIES = ("COUNTRY", "Peru")
AMOUNTS = (AmountCount(2640.55, 3), AmountCount(3520.0, 1))
MODEL = model_of(
    *(
        SegmentMode(country, segmentation.name, segment, *bounds, AMOUNTS)
        for country in COUNTRIES
        for segmentation in shipped_definitions().segmentations
        for segment, bounds in segmentation.bounds.items()
    ),
    countries=COUNTRIES,
    country_modes=(CountryMode("COUNTRY", ()), CountryMode("Peru", AMOUNTS)),
)


def read(*items: dict[str, Any]) -> Model:
    *of_model, version = items
    return read_model(version_of(version), of_model)


def test_every_item_has_its_own_key():
    keys = [(item["pk"], item["sk"]) for item in items_of(MODEL)]

    assert len(set(keys)) == len(keys) == len(MODEL.modes) + len(COUNTRIES) + 1


def test_segments_and_countries_are_read_as_they_were_written():
    assert read(*items_of(MODEL)) == MODEL


def test_a_version_counts_its_segments_and_not_its_countries():
    *_, version = items_of(MODEL)

    assert version["segments"] == len(MODEL.modes)


def test_a_version_that_an_older_product_wrote_has_no_countries():
    older = [item for item in items_of(MODEL) if item["sk"] not in COUNTRIES]

    assert read(*older) == model_of(*MODEL.modes, countries=COUNTRIES)


def test_a_version_that_lacks_some_of_its_countries_is_not_served():
    incomplete = [item for item in items_of(MODEL) if item["sk"] != "Peru"]

    with pytest.raises(NoModel, match="has only 1 countries of version v1, expected 2"):
        read(*incomplete)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"support": 5}, "voucher_amount and support"),
        ({"voucher_amount": 3520}, "voucher_amount and support"),
        ({"country_code": "COUNTRY"}, "it differs from the item's key"),
        ({"assignments": "x"}, "assignments"),
        ({"country_code": None}, "country_code"),
    ],
    ids=str,
)
def test_an_odd_item_of_a_country_is_named(odd: dict[str, Any], why: str):
    altered = [item | odd if item["sk"] == "Peru" else item for item in items_of(MODEL)]

    with pytest.raises(UnreadableItem, match=rf"item VERSION#v1 / Peru cannot be read: .*{why}"):
        read(*altered)
