"""What a folder's names say: which files are read, which are not, which columns a path has, and whose table it is."""

import pytest

from voucher_selection.adapters.run_keys import OWN_FOLDERS, RunKeys
from voucher_selection.adapters.sources.landed_files import values_in
from voucher_selection.domain.folder_contents import contents_of
from voucher_selection.domain.table_formats import signs_above, table_among

READ = (
    *("a.parquet", "A.PARQUET", "a.snappy.parquet", "a.parquet.gzip", "a.pq", "x/y=1/a.parquet", "_id=3/a.parquet"),
    *("a.csv", "a.CSV.GZ", "a.tsv", "a.psv.gzip", "x/a.json", "a.jsonl.zst", "a.ndjson.zstd"),
)
LEFT_OUT = (
    "a.csv.crc",
    "a.csv.bz2",
    "a.xlsx",
    "csv",
    "_a.csv",
    "a.parquet.crc",
    "parquet",
    "_a.parquet",
    "_temporary/0/a.parquet",
    ".trash/a.parquet",
    "x/a.txt",
)
MARKERS = ("", "x/", "_SUCCESS", "x/_metadata", ".a.parquet.crc", ".DS_Store", "x_$folder$")


def test_files_that_are_not_read_are_named_and_markers_are_not():
    assert contents_of([*READ, *LEFT_OUT, *MARKERS]) == (list(READ), list(LEFT_OUT))


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("country_code=Peru", {"country_code": "Peru"}),
        ("a/country_code=C%C3%B4te%20d%27Ivoire/b", {"country_code": "Côte d'Ivoire"}),
        ("timestamp=2018-07-21 18%3A59%3A21", {"timestamp": "2018-07-21 18:59:21"}),
        ("x=1/country_code=A/country_code=B", {"x": "1", "country_code": "B"}),
        ("country_code=A/country_code=__HIVE_DEFAULT_PARTITION__", {"country_code": None}),
        ("country_code=", {"country_code": ""}),
        ("country_code=a=b+c", {"country_code": "a=b+c"}),
        ("country_code", {}),
    ],
)
def test_a_path_has_columns(path: str, values: dict[str, str | None]):
    assert values_in(path.split("/")) == values


@pytest.mark.parametrize(
    ("key", "place", "title"),
    [
        ("_delta_log/00000000000000000000.json", "", "a Delta table"),
        ("a/b/_delta_log/_last_checkpoint", "a/b", "a Delta table"),
        ("a/.hoodie/hoodie.properties", "a", "a Hudi table"),
        ("a/metadata/v3.metadata.json", "a", "an Iceberg table"),
        ("metadata/00001-5f3a.gz.metadata.json", "", "an Iceberg table"),
    ],
)
def test_a_table_is_known_by_what_lies_beside_its_files(key: str, place: str, title: str):
    table = table_among(["x.parquet", key])

    assert (table.place, table.title) == (place, title)


@pytest.mark.parametrize("key", ["my_delta_log/x.json", "metadata/of.metadata.json", "x.hoodie/y", "metadata/v1.json"])
def test_what_only_looks_like_a_table_is_none(key: str):
    assert table_among([key]) is None


def test_folders_above_are_looked_at_up_to_the_bucket():
    assert list(signs_above("a/data/x=1/")) == [
        *("_delta_log/", ".hoodie/"),
        *("a/_delta_log/", "a/.hoodie/", "a/metadata/"),
        *("a/data/_delta_log/", "a/data/.hoodie/"),
    ]
    assert list(signs_above("")) == []


def test_all_that_a_run_writes_is_in_the_folders_that_are_no_source():
    keys = RunKeys("run-1")
    paths = [getattr(keys, name) for name, kind in vars(RunKeys).items() if isinstance(kind, property)]
    written = [path for found in paths for path in ([found] if isinstance(found, str) else found)]
    written += [keys.raw("x"), keys.quarantine("malformed", 0)]
    written += [of_shard(0) for of_shard in (keys.counts, keys.cleaned, keys.totals, keys.vouchers, keys.assigned)]
    written += [keys.merged(0), keys.counts_of_group(0)]

    assert len(written) > 20
    assert [key for key in written if not key.startswith(OWN_FOLDERS)] == []


def test_a_landed_file_s_key_is_never_longer_than_s3_has_them():
    keys = RunKeys("r" * 80)

    long, other = (keys.raw(f"{'é' * 500}{name}.parquet") for name in ("a", "b"))

    assert keys.raw("é.parquet") == f"raw/run_id={'r' * 80}/f/é.parquet"
    assert len(long.encode()) <= 1024
    assert long != other
    assert long.startswith(f"raw/run_id={'r' * 80}/")
