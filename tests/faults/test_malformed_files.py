"""Files that are damaged, hostile or odd: each is counted right, or refused by name; nothing else ever happens.

Every file of the corpus goes through Ingest, Clean and the check that Model begins with, in a process with the memory
of a Clean and a limit of time. Without page checksums a reader cannot know that a bit flip has made one value another:
of such a file it is required that all rows are accounted for.
"""

from collections import Counter

import pytest

from tests.faults.corpus import ENDS_RIGHT, Fault, faults
from tests.faults.watch import ended
from tests.faults.worker import Ended


@pytest.fixture(scope="module")
def corpus() -> dict[str, Fault]:
    return faults()


@pytest.fixture(scope="module")
def endings(corpus: dict[str, Fault], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each fault ended."""
    return ended(corpus, tmp_path_factory.mktemp("workers"))


@pytest.fixture(scope="module")
def right(endings: dict[str, Ended]) -> dict[str, Ended]:
    return {name: how for name, how in endings.items() if how.error == ENDS_RIGHT}


@pytest.fixture(scope="module")
def refused(endings: dict[str, Ended]) -> dict[str, Ended]:
    return {name: how for name, how in endings.items() if how.error != ENDS_RIGHT}


def test_every_file_ends_right_or_in_an_error_of_ours(
    corpus: dict[str, Fault], endings: dict[str, Ended], record_property
):
    others = {name: how for name, how in endings.items() if how.error not in corpus[name].ends or not how.is_named}

    assert others == {}
    assert set(endings) == set(corpus)
    by_error = Counter(how.error for how in endings.values())
    record_property(
        "malformed files", f"{len(endings)} tried; " + ", ".join(f"{n} {error}" for error, n in by_error.most_common())
    )


def test_the_corpus_is_large_and_has_all_endings(endings: dict[str, Ended]):
    assert len(endings) >= 400
    assert {how.error for how in endings.values()} == {ENDS_RIGHT, "NotParquet", "WrongSchema", "EmptySource"}


def test_all_rows_of_a_file_that_ends_right_are_accounted_for(corpus: dict[str, Fault], right: dict[str, Ended]):
    found = {name: (how.rows_read, how.accounted_for) for name, how in right.items()}

    expected = {name: corpus[name].rows or how.footer_rows for name, how in right.items()}
    assert found == {name: (rows, rows) for name, rows in expected.items()}
    assert all(rows > 0 for rows in expected.values())


def test_values_that_came_through_unharmed_are_counted_as_the_reference_counts_them(right: dict[str, Ended]):
    unharmed = {name: how.right_counts for name, how in right.items() if how.right_counts is not None}

    assert [name for name, counts in unharmed.items() if not counts] == []
    assert len(unharmed) > 20


def test_a_refusal_names_the_file_and_is_short_enough_for_an_execution_s_cause(refused: dict[str, Ended]):
    anonymous = {name: how.message for name, how in refused.items() if not how.names_source}

    assert anonymous == {}
    assert max(len(how.message) for how in refused.values()) < 4000


def test_no_run_publishes_anything_on_its_way_to_a_refusal(endings: dict[str, Ended]):
    assert [name for name, how in endings.items() if not how.as_before] == []
