"""Which files may be uploaded through the API, and what is said of the others."""

from typing import Any

import pytest

from voucher_selection.domain.errors import InvalidUpload
from voucher_selection.domain.uploads import UploadRequest

LIMIT = 5 * 1024**3
ASKED = {"name": "monday.csv", "size": 5, "sha256": "0123456789abcdef" * 4}


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "../x.csv"}, "name", "expected the name of a file without its folders, got '../x.csv'"),
        ({"name": "a\\b.csv"}, "name", "without its folders"),
        ({"name": ".."}, "name", "without its folders"),
        ({"name": "a\nb.csv"}, "name", "without control characters"),
        ({"name": "\ud800.csv"}, "name", "unicode"),
        ({"name": "x.csv "}, "name", "expected a name without blanks at its ends, got 'x.csv '"),
        ({"name": "ü" * 497}, "name", "expected a name of at most 992 bytes, got 994: rename the file"),
        ({"name": 7}, "name", "valid string"),
        ({"size": 0}, "size", "greater than 0"),
        ({"size": -1}, "size", "greater than 0"),
        ({"size": "5"}, "size", "valid integer"),
        ({"size": True}, "size", "valid integer"),
        ({"size": LIMIT + 1}, "size", "expected a file of at most 5,368,709,120 bytes, got 5,368,709,121: put it into"),
        ({"sha256": "ab" * 31}, "sha256", "pattern"),
        ({"sha256": "AB" * 32}, "sha256", "pattern"),
        ({"sha256": "ab" * 32 + "\n"}, "sha256", "pattern"),
        ({"bucket": "other"}, "bucket", "not permitted"),
    ],
    ids=str,
)
def test_what_cannot_be_uploaded_is_named(changed: dict[str, Any], field: str, why: str):
    with pytest.raises(InvalidUpload) as refused:
        UploadRequest.parse(ASKED | changed, LIMIT)

    (problem,) = refused.value.problems
    assert problem.field == field
    assert why in problem.detail


@pytest.mark.parametrize("request_", [[], "x", None])
def test_what_is_no_request_is_refused(request_: Any):
    with pytest.raises(InvalidUpload, match="valid dictionary"):
        UploadRequest.parse(request_, LIMIT)


def test_the_largest_file_and_the_longest_name_are_taken():
    asked = UploadRequest.parse(ASKED | {"size": LIMIT, "name": "ü" * 496}, LIMIT)

    assert len(asked.key.encode()) == 1024


@pytest.mark.parametrize("name", ["a b+c&d=e#f%.csv", "größe.parquet", "\N{PARTY POPPER}.json", ".csv", "a..b"])
def test_a_name_is_what_it_is(name: str):
    assert UploadRequest.parse(ASKED | {"name": name}, LIMIT).key == f"uploads/sha256-0123456789abcdef/{name}"
