"""What the quickstart uploads of this machine: what is there now, known to an append by name and content."""

import os
import threading
from pathlib import Path

import pytest

from local.quickstart.here.source import resolve, upload
from local.quickstart.machine.going import Counted, HowFar
from local.quickstart.machine.steps import StepError
from tests.environment import BUCKET
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, Pipeline
from tests.integration.test_append import support
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "day"
    found.mkdir()
    return found


@pytest.fixture
def sent(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of objects that are sent."""
    keys: list[str] = []
    send = lake.client.upload_fileobj

    def noted(content, bucket, key, **options) -> None:
        keys.append(key)
        send(content, bucket, key, **options)

    monkeypatch.setattr(lake.client, "upload_fileobj", noted)
    return keys


def write(file: Path, rows: int, amount: float = 2640.0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(parquet_bytes(history(*repeated(rows, voucher_amount=amount))))
    return file


def uploaded(lake: Lake, place: Path) -> str:
    return upload(place.resolve(), BUCKET, lake.client)


def names(lake: Lake, address: str) -> list[str]:
    prefix = address.removeprefix(f"s3://{BUCKET}/")
    found = lake.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [each["Key"].removeprefix(prefix) for each in found]


def test_a_file_that_was_deleted_is_not_counted_again(folder: Path, pipeline: Pipeline, lake: Lake):
    gone = write(folder / "gone.parquet", 55, amount=2.0)
    write(folder / "kept.parquet", 5, amount=1.0)
    first = pipeline.run("first", {"source": uploaded(lake, folder)}, STARTED)
    gone.unlink()

    second = pipeline.run("second", {"source": uploaded(lake, folder)}, STARTED + SECOND)

    assert (first["rows"]["kept"], second["rows"]["kept"]) == (60, 5)


def test_another_folder_of_the_same_name_is_not_added(tmp_path: Path, pipeline: Pipeline, lake: Lake):
    write(tmp_path / "a/day/1.parquet", 3)
    write(tmp_path / "b/day/2.parquet", 4)

    for number, place in enumerate(("a", "b")):
        address = uploaded(lake, tmp_path / place / "day")
        ran = pipeline.run(f"run-{place}", {"source": address}, STARTED + number * SECOND)
        assert ran["rows"]["kept"] == 3 + number


def test_an_append_of_a_grown_folder_counts_what_is_new(folder: Path, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    write(folder / "base.parquet", 1)
    pipeline.run("full", {"source": uploaded(lake, folder / "base.parquet")}, STARTED)
    (folder / "base.parquet").unlink()
    write(folder / "monday.parquet", 10)
    pipeline.append("monday", uploaded(lake, folder), STARTED + SECOND)
    write(folder / "tuesday.parquet", 20)

    tuesday = pipeline.append("tuesday", uploaded(lake, folder), STARTED + 2 * SECOND)

    assert (tuesday["known_files"], tuesday["rows"]["kept"]) == (1, 20)
    assert support(catalog) == 1 + 10 + 20


def test_what_an_earlier_ledger_knows_is_known_in_an_upload(folder: Path, put, pipeline: Pipeline, lake: Lake):
    file = write(folder / "monday.parquet", 10)
    pipeline.run("full", {"source": put("uploads/day/monday.parquet", file.read_bytes())}, STARTED)

    summary = pipeline.append("again", uploaded(lake, folder), STARTED + SECOND)

    assert (summary["outcome"], summary["known_files"]) == ("nothing_new", 1)


def test_files_of_the_same_name_and_other_content_are_both_counted(
    tmp_path: Path, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    write(tmp_path / "base.parquet", 1)
    pipeline.run("full", {"source": uploaded(lake, tmp_path / "base.parquet")}, STARTED)
    # Both are uploaded before either is read, as by two commands at once.
    addresses = [uploaded(lake, write(tmp_path / f"{part}/day.parquet", rows)) for part, rows in (("a", 3), ("b", 4))]

    for number, address in enumerate(addresses):
        pipeline.append(f"day-{number}", address, STARTED + (number + 1) * SECOND)

    assert support(catalog) == 1 + 3 + 4


def test_what_is_there_already_is_not_sent_again(folder: Path, lake: Lake, sent: list[str]):
    write(folder / "monday.parquet", 10)
    first = uploaded(lake, folder)
    os.utime(folder / "monday.parquet", (1, 1))

    assert uploaded(lake, folder) == first
    assert len(sent) == 1


def test_what_was_left_out_or_cut_off_is_sent(folder: Path, lake: Lake, sent: list[str]):
    for day in ("monday", "tuesday"):
        write(folder / f"{day}.parquet", 10)
    address = uploaded(lake, folder)
    key = address.removeprefix(f"s3://{BUCKET}/")
    lake.client.delete_object(Bucket=BUCKET, Key=f"{key}monday.parquet")
    lake.client.put_object(Bucket=BUCKET, Key=f"{key}tuesday.parquet", Body=b"PAR1")
    sent.clear()

    uploaded(lake, folder)

    assert sent == [f"{key}monday.parquet", f"{key}tuesday.parquet"]


def test_the_name_stays_readable(folder: Path, lake: Lake):
    file = write(folder / "monday.parquet", 1)

    assert uploaded(lake, file).endswith("/monday.parquet")
    assert uploaded(lake, folder).endswith("/day/")


NAMES = [
    "mit leer.parquet",
    "größe.parquet",
    "\N{PARTY POPPER}.parquet",
    "50%.parquet",
    "a#b.parquet",
    "a+b&c=d.parquet",
]


def test_names_are_what_they_are(tmp_path: Path, pipeline: Pipeline, lake: Lake):
    for name in NAMES:
        write(tmp_path / "Täglich #1 50%" / name, 2)

    address = uploaded(lake, tmp_path / "Täglich #1 50%")

    assert sorted(names(lake, address)) == sorted(NAMES)
    assert pipeline.run("run-1", {"source": address}, STARTED)["rows"]["kept"] == 2 * len(NAMES)


def test_names_that_differ_in_case_are_two_files(folder: Path, lake: Lake):
    write(folder / "a.parquet", 1)
    write(folder / "A.parquet", 2)

    assert sorted(names(lake, uploaded(lake, folder))) == ["A.parquet", "a.parquet"]


def test_links_are_followed_and_what_they_lead_to_counts_once(tmp_path: Path, folder: Path, lake: Lake):
    write(tmp_path / "elsewhere/part/far.parquet", 1)
    write(folder / "z.parquet", 2)
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "latest.parquet").symlink_to("z.parquet")

    assert sorted(names(lake, uploaded(lake, folder))) == ["more/part/far.parquet", "z.parquet"]


def test_a_link_to_nothing_and_a_circle_are_named(folder: Path, lake: Lake):
    (folder / "lost.parquet").symlink_to("nowhere.parquet")
    with pytest.raises(StepError, match=r"the link .*/day/lost.parquet leads to nowhere.parquet, where nothing is"):
        uploaded(lake, folder)
    (folder / "lost.parquet").unlink()
    (folder / "round").symlink_to(folder)
    with pytest.raises(StepError, match=r"the link .*/day/round leads back to .*/day, which it is in"):
        uploaded(lake, folder)


def test_an_empty_folder_is_refused(folder: Path, lake: Lake):
    (folder / "empty").mkdir()

    with pytest.raises(StepError, match=r"day is empty: expected files of parquet, CSV or JSON lines in it"):
        uploaded(lake, folder)


def test_a_path_that_is_too_long_for_s3_is_named(folder: Path, lake: Lake):
    write(folder.joinpath(*["p" * 240] * 4, "long" * 20 + ".parquet"), 1)

    with pytest.raises(StepError, match=r"S3 takes keys of 1,024 bytes, and .* would have 1,0\d\d"):
        uploaded(lake, folder)


def test_a_name_that_is_no_text_is_named(folder: Path, lake: Lake):
    file = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.parquet"))
    write(file, 1)

    with pytest.raises(StepError, match=r"expected names in UTF-8, got b'.*caf.xe9.parquet'"):
        uploaded(lake, folder)


@pytest.mark.parametrize("megabytes", [1, 20])
def test_a_file_that_changes_while_it_is_uploaded_leaves_nothing(
    folder: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch, megabytes: int
):
    file = folder / "growing.parquet"
    file.write_bytes(bytes(megabytes * 2**20))
    send = lake.client.upload_fileobj

    def changed(content, bucket, key, **options) -> None:
        with file.open("r+b") as other:
            other.seek(-1, os.SEEK_END)
            other.write(b"x")
        send(content, bucket, key, **options)

    monkeypatch.setattr(lake.client, "upload_fileobj", changed)

    with pytest.raises(StepError, match=r"growing.parquet changed while it was uploaded: run this again"):
        uploaded(lake, folder)
    assert list(lake.list("uploads/")) == []


def test_the_bytes_of_what_is_sent_are_counted(folder: Path, lake: Lake):
    first, again = Counted("bytes"), Counted("bytes")
    (folder / "big.parquet").write_bytes(bytes(20 * 2**20))
    write(folder / "small.parquet", 1)
    size = (folder / "big.parquet").stat().st_size + (folder / "small.parquet").stat().st_size

    upload(folder, BUCKET, lake.client, first)
    upload(folder, BUCKET, lake.client, again)

    assert first() == HowFar(size, size, "bytes")
    assert again() is None


def test_a_file_of_several_parts_is_known_by_its_etag(folder: Path, lake: Lake):
    """As `aws s3 cp` and earlier releases have uploaded it: in parts of 8 MiB."""
    content = os.urandom(20 * 2**20)
    (folder / "big.parquet").write_bytes(content)
    lake.client.upload_file(str(folder / "big.parquet"), BUCKET, "before")

    key = uploaded(lake, folder).removeprefix(f"s3://{BUCKET}/") + "big.parquet"

    objects = [lake.client.get_object(Bucket=BUCKET, Key=each) for each in ("before", key)]
    assert [each["Body"].read() for each in objects] == [content, content]
    assert objects[0]["ETag"] == objects[1]["ETag"]


def test_two_uploads_at_once_of_one_folder_are_one(folder: Path, lake: Lake):
    for number in range(20):
        write(folder / f"{number}.parquet", 1 + number)
    addresses: list[str] = []
    both = [threading.Thread(target=lambda: addresses.append(uploaded(lake, folder))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    assert addresses[0] == addresses[1]
    assert len(names(lake, addresses[0])) == 20


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "takes a file or folder, s3://… or https://…, not ''"),
        ("ftp://host/x.parquet", "takes a file or folder, s3://… or https://…, not 'ftp://host/x.parquet'"),
        ("/dev/null", "/dev/null is neither"),
        ("nowhere.parquet", "there is no file or folder /.*nowhere.parquet"),
        ("x" * 300, "cannot be read: File name too long"),
        ("~nobody-of-that-name/x.parquet", "--customers ~nobody-of-that-name/x.parquet: "),
    ],
)
def test_what_is_no_source_is_named(tmp_path: Path, source: str, why: str):
    with pytest.raises(StepError, match=why):
        resolve(source, tmp_path, option="--customers")
