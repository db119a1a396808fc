"""Ledgers, and the versions of models that build on others."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from voucher_selection.domain.errors import AlreadyCounted
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.plans import SourceFile
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.versions import version_after, version_of

FOUR = Totals(rows_read=4, other_country=1, kept=3)


def files(*names: str) -> list[SourceFile]:
    return [SourceFile(key=f"raw/{name}", source=f"s3://b/{name}", identity=name, size=1, rows=1) for name in names]


def test_a_ledger_carries_the_objects_of_its_base_over():
    base = Ledger.of("first", ("Peru",), files("a", "b"), FOUR)

    ledger = base.extended("first", "second", files("c"), FOUR, frozenset())

    assert ledger.rows == Totals(rows_read=8, other_country=2, kept=6)
    assert [(entry.identity, entry.run_id) for entry in ledger.entries] == [
        ("a", "first"),
        ("b", "first"),
        ("c", "second"),
    ]
    assert (ledger.base_run_id, ledger.countries, ledger.identities) == ("first", ("Peru",), {"a", "b", "c"})


def test_a_ledger_takes_no_object_twice():
    base = Ledger.of("first", ("Peru",), files("a", "b"), FOUR)

    with pytest.raises(AlreadyCounted, match=r"1 of the 2 objects .* \(the first: s3://b/b\)"):
        base.extended("first", "second", files("b", "c"), FOUR, frozenset())


def test_objects_that_are_counted_again_are_those_of_the_run_that_replaces_their_days():
    base = Ledger.of("first", ("Peru",), files("a", "b"), FOUR)
    replaced = FOUR.model_copy(update={"replaced": 2})

    ledger = base.extended("first", "second", files("b", "c"), replaced, frozenset({"b"}))

    assert [(entry.identity, entry.run_id) for entry in ledger.entries] == [
        ("a", "first"),
        ("b", "second"),
        ("c", "second"),
    ]
    assert ledger.rows == Totals(rows_read=8, other_country=2, kept=6, replaced=2)


def test_a_version_is_the_start_of_its_run_in_utc_to_the_millisecond():
    lima = timezone(timedelta(hours=-5))

    assert version_of(datetime(2026, 1, 1, 19, 0, 0, 123_999, lima), "run") == "20260102T000000123Z-run"


def test_a_version_that_is_newer_than_its_base_stays_as_it_is():
    assert version_after("20260101T000000000Z-zzz", "20260101T000000001Z-a") == "20260101T000000001Z-a"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("20260101T000005000Z-b", "20260101T000005001Z-a"),
        ("20261231T235959999Z-b", "20270101T000000000Z-a"),
        ("20260101T000000000Z-b", "20260101T000000001Z-a"),
        ("20260101T000000000Z-a", "20260101T000000001Z-a"),
    ],
)
def test_a_version_on_a_newer_base_is_the_next_after_it(base: str, expected: str):
    version = version_after(base, version_of(datetime(2026, 1, 1, tzinfo=UTC), "a"))

    assert version == expected > base
