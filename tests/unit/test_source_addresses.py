"""Addresses of sources: which are taken, how they are written then, and what is said of the others."""

from pathlib import Path

import pytest

from local.quickstart.here.source import resolve
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.s3_addresses import LONGEST_KEY, parse_s3


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("s3://lake/uploads/x.parquet", "s3://lake/uploads/x.parquet"),
        (" s3://lake/days/\n", "s3://lake/days/"),
        ("S3://lake/days/", "s3://lake/days/"),
        ("s3a://lake/days/", "s3://lake/days/"),
        ("S3N://lake/days/", "s3://lake/days/"),
        ("s3://lake", "s3://lake/"),
        ("s3://lake/a b/é+%20#1?.parquet", "s3://lake/a b/é+%20#1?.parquet"),
        ("s3://lake//x.parquet", "s3://lake//x.parquet"),
        ("HTTPS://Host.example/x?sig=A%2Fb", "https://Host.example/x?sig=A%2Fb"),
    ],
)
@pytest.mark.parametrize(("mode", "key"), [("full", "source"), ("append", "source"), ("assign", "customers")])
def test_an_address_is_taken_as_people_write_it(given: str, source: str, mode: str, key: str):
    assert getattr(parse_request({"mode": mode, key: given}), key) == source


REFUSED = {
    "http": ("http://host/x.parquet", "got 'http://host/x.parquet': what comes over http:// may have been changed"),
    "http in capitals": ("HTTP://host/x.parquet", "only https:// is read"),
    "a path": ("/home/me/x.parquet", "a file of your machine cannot be read from here"),
    "a path of a home": ("~/x.parquet", "a file of your machine cannot be read from here"),
    "a path from here": ("./x.parquet", "a file of your machine cannot be read from here"),
    "a path of Windows": (r"C:\Users\x.parquet", "a file of your machine cannot be read from here"),
    "a file's address": ("file:///home/me/x.parquet", "a file of your machine cannot be read from here"),
    "a name": ("x.parquet", "expected s3://bucket/key, s3://bucket/folder/ or https://host/path, got 'x.parquet'"),
    "another store": ("gs://bucket/x.parquet", "got 'gs://bucket/x.parquet'"),
    "nothing": ("  ", "got ''"),
    "no host": ("https://", "the host is missing"),
    "a password": ("ftp://me:secret@host/x", "got 'ftp://…@host/x'"),
    "one slash": ("s3:/lake/x", "got 's3:/lake/x'"),
    "no bucket": ("s3:///x.parquet", "got 's3:///x.parquet' without a bucket"),
    "nothing behind s3": ("s3://", "got 's3://' without a bucket"),
    "capitals": ("s3://Lake/x", "3 to 63 lower-case letters, digits, hyphens and single dots, got the name 'Lake'"),
    "an underscore": ("s3://my_lake/x", "got the name 'my_lake'"),
    "a blank in the bucket": ("s3://my lake/x", "got the name 'my lake'"),
    "two letters": ("s3://ab/x", "got the name 'ab'"),
    "64 letters": (f"s3://{'a' * 64}/x", "got the name"),
    "a hyphen at the end": ("s3://lake-/x", "got the name 'lake-'"),
    "two dots": ("s3://la..ke/x", "got the name 'la..ke'"),
    "an IP address": ("s3://192.168.0.1/x", "got the name '192.168.0.1'"),
    "an ARN": ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x", "got the name 'arn:aws:s3:eu-west-1:1:accesspoint'"),
    "a port": ("s3://lake:9000/x", "got the name 'lake:9000'"),
    "a user": ("s3://me:secret@lake/x", "got the name '…@lake'"),
    "a long key": (f"s3://lake/{'k' * 1025}", "expected a key of at most 1,024 bytes, got 1,025 bytes"),
    "a key that is long in UTF-8": (f"s3://lake/{'é' * 513}", "got 1,026 bytes"),
    "a NUL": ("s3://lake/a\0b", r"expected text without control characters, got '\x00' in 's3://lake/a\x00b'"),
    "half a character": ("s3://lake/\ud800.parquet", "unable to parse raw data as a unicode string"),
    "a version": ("s3://lake/x.parquet?versionId=3HL4kqtJ", "expected an address without ?versionId="),
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize(("mode", "key"), [("full", "source"), ("append", "source"), ("assign", "customers")])
def test_an_address_that_cannot_be_one_is_refused_in_words(why: str, mode: str, key: str):
    given, message = REFUSED[why]

    with pytest.raises(InvalidRequest) as refusal:
        parse_request({"mode": mode, key: given})

    assert f"is invalid: {key}: " in str(refusal.value)
    assert message in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("given", ["s3://lake/x", " S3://lake/x", "s3a://lake/x", "HTTPS://host/x"])
def test_the_terminal_leaves_addresses_to_the_pipeline(given: str, tmp_path: Path):
    assert resolve(given, tmp_path) == given


def test_a_key_may_be_as_long_as_s3_has_them():
    assert parse_s3(f"s3://lake/{'k' * LONGEST_KEY}").key == "k" * LONGEST_KEY
