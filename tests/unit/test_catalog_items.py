"""The catalog's items of a version give the model back that they were made from."""

from decimal import Decimal
from typing import Any

import pytest

from tests.models import model_of
from voucher_selection.adapters.catalog_items import VERSION, items_of, version_of
from voucher_selection.adapters.catalog_items import model_of as read_model
from voucher_selection.domain.errors import NoModel, UnreadableItem
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode, shortened
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
    return read_model(version_of(version), [item for item in of_model if item["pk"].startswith(VERSION)])


def test_every_item_has_its_own_key():
    keys = [(item["pk"], item["sk"]) for item in items_of(MODEL)]

    assert len(set(keys)) == len(keys) == len(MODEL.modes) + len(COUNTRIES) + 1


def test_segments_and_countries_are_read_as_they_were_written():
    assert read(*items_of(MODEL)) == MODEL


def test_a_version_counts_its_segments_and_not_its_countries():
    *_, version = items_of(MODEL)

    assert version["segments"] == len(MODEL.modes)


def test_an_item_lists_ten_amounts_and_counts_the_others():
    many = tuple(AmountCount(float(place), 30 - place) for place in range(25))
    mode = CountryMode("Peru", many)
    written = {(item["pk"], item["sk"]): item for item in items_of(model_of(country_modes=(mode,)))}

    leading = written["VERSION#v1", "Peru"]
    assert (leading["others"], leading["support"], leading["voucher_amount"]) == (15, sum(range(6, 31)), 0)
    assert leading["leading"] == f"[{','.join(f'[{float(place)},{30 - place}]' for place in range(10))}]"
    assert written["AMOUNTS#v1", "00000"]["assignments"].endswith(",[24.0,6]]")
    assert shortened(mode).others == (15, sum(range(6, 21)))
    assert shortened(shortened(mode)) == shortened(mode)


def test_ten_amounts_need_no_item_of_their_own():
    ten = tuple(AmountCount(float(place), 30 - place) for place in range(10))

    written = [item["pk"] for item in items_of(model_of(country_modes=(CountryMode("Peru", ten),)))]

    assert written == ["VERSION#v1", "MODEL"]


def test_amounts_of_an_older_product_are_all_read():
    listed = [{"voucher_amount": Decimal(f"{place}.5"), "count": Decimal(2)} for place in range(25)]
    older = [
        {name: value for name, value in item.items() if name not in ("leading", "others")}
        | {"assignments": listed, "support": Decimal(50), "voucher_amount": Decimal("0.5")}
        if item["sk"] == "Peru"
        else item
        for item in items_of(MODEL)
    ]

    country = read(*older).country_modes[1]

    assert country == CountryMode("Peru", tuple(AmountCount(place + 0.5, 2) for place in range(25)))
    assert country.others == (0, 0)


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
        ({"others": 1}, "voucher_amount and support"),
        ({"leading": "[[2640.55,3]]"}, "voucher_amount and support"),
        ({"leading": "x"}, "leading"),
        ({"leading": "[" * 9_999}, "recursion limit"),
        ({"leading": '[["NaN",4]]'}, "finite number"),
        ({"leading": None, "assignments": []}, "leading"),
        ({"assignments": "x", "leading": [{"count": 4}]}, "leading"),
        ({"country_code": None}, "country_code"),
    ],
    ids=str,
)
def test_an_odd_item_of_a_country_is_named(odd: dict[str, Any], why: str):
    altered = [item | odd if item["sk"] == "Peru" else item for item in items_of(MODEL)]

    with pytest.raises(UnreadableItem, match=rf"item VERSION#v1 / Peru cannot be read: .*{why}"):
        read(*altered)
