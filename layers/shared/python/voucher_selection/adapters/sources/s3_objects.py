"""The objects of an S3 source: one object, or the files of a folder that runs read."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from botocore.exceptions import ClientError

from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.s3_errors import is_denied, is_missing
from voucher_selection.domain.errors import NoDataFiles, SourceNotFound, TableFormat
from voucher_selection.domain.folder_contents import READ, contents_of
from voucher_selection.domain.s3_addresses import S3Address
from voucher_selection.domain.table_formats import signs_above, table_among

_MOST_NEAR = 3


class SourceObject(NamedTuple):
    """An object of a source: `name` is its path below the source, `size` is in bytes."""

    address: S3Address
    name: str
    etag: str
    size: int


def find_objects(source: S3Address, lake: Lake) -> tuple[list[SourceObject], list[str]]:
    """Return the object at an address, or else the files of the folder there to read, and the names of its others.

    Raises
    ------
    SourceNotFound
        There is neither an object nor a folder.
    NoDataFiles
        No object of the folder has the name of a file of parquet, CSV or JSON lines.
    TableFormat
        The folder is a table of Delta, Iceberg or Hudi, is in one, or has one in it. One object is read as it is.
    """
    if source.key and not source.key.endswith("/"):
        try:
            head = lake.client.head_object(Bucket=source.bucket, Key=source.key)
        except ClientError as error:
            if not is_missing(error):
                raise
        else:
            name = source.key.rpartition("/")[2]
            return [SourceObject(source, name, head["ETag"], head["ContentLength"])], []
        return _of_folder(source._replace(key=f"{source.key}/"), source, lake)
    return _of_folder(source, source, lake)


def find_named(folder: S3Address, names: Sequence[str], lake: Lake) -> list[SourceObject]:
    """Return those objects of a folder that have these names below it, and are still there.

    Nothing else of the folder is looked at. So neither its size nor what else is in it matters.

    Raises
    ------
    SourceNotFound
        None of them is there.
    """
    within = folder if folder.key.endswith("/") or not folder.key else folder._replace(key=f"{folder.key}/")
    found = [each for each in in_parallel(lambda name: _named(within, name, lake), dict.fromkeys(names)) if each]
    if not found:
        raise SourceNotFound(f"none of the {len(names)} named files is in {within} (the first name: {names[0]})")
    return found


def _named(folder: S3Address, name: str, lake: Lake) -> SourceObject | None:
    address = folder._replace(key=f"{folder.key}{name}")
    try:
        head = lake.client.head_object(Bucket=address.bucket, Key=address.key)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return SourceObject(address, name, head["ETag"], head["ContentLength"])


def _of_folder(folder: S3Address, given: S3Address, lake: Lake) -> tuple[list[SourceObject], list[str]]:
    pages = lake.client.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
    objects = {
        (name := found["Key"].removeprefix(folder.key)): SourceObject(
            folder._replace(key=found["Key"]), name, found["ETag"], found["Size"]
        )
        for page in pages
        for found in page.get("Contents", [])
    }
    if not objects:
        raise SourceNotFound(_nothing_there(given, lake))
    _check_no_table(folder, objects, lake)
    contents = contents_of(objects)
    if not contents.read:
        raise NoDataFiles(
            f"none of the {len(objects)} objects in {given} is named like a file of parquet, CSV or JSON lines ({READ};"
            " names and folders that begin with _ or . are not looked at); the first is"
            f" {next(iter(objects.values())).address.key}"
        )
    return [objects[name] for name in contents.read], contents.left_out


def _check_no_table(folder: S3Address, names: Iterable[str], lake: Lake) -> None:
    """Refuse a table in a format whose files also hold rows that were replaced or deleted."""
    for base, keys in ((folder.key, names), ("", _keys_above(folder, lake))):
        if table := table_among(keys):
            root = str(folder._replace(key=f"{base}{table.place}")).rstrip("/")
            raise TableFormat(
                f"{root}/ is {table.title} (it has {table.sign}): its files also hold rows that were replaced or"
                " deleted since. Write its current rows to a folder of plain parquet and give that one, for example"
                f' with Spark: spark.read.format("{table.format}").load("{root}/").write.parquet("{root}-current/")'
            )


def _keys_above(folder: S3Address, lake: Lake) -> Iterator[str]:
    def keys(prefix: str) -> list[str]:
        try:
            page = lake.client.list_objects_v2(Bucket=folder.bucket, Prefix=prefix)
        except ClientError as error:
            if is_denied(error):  # the right to read a folder does not include the right to look beside it
                return []
            raise
        return [found["Key"] for found in page.get("Contents", [])]

    for found in in_parallel(keys, signs_above(folder.key)):
        yield from found


def _nothing_there(source: S3Address, lake: Lake) -> str:
    """Return a message that nothing is there, with what can be read instead and which names are near it."""
    said = f"there is no object and no folder at {source}"
    folder, _, name = source.key.rstrip("/").rpartition("/")
    place = f"{folder}/" if folder else ""
    if "*" in name:
        return f"{said}: a * is not expanded; give the folder s3://{source.bucket}/{place} to read its files"
    page = lake.client.list_objects_v2(Bucket=source.bucket, Prefix=place, Delimiter="/")
    keys = [found["Key"] for found in page.get("Contents", [])]
    beside = [*keys, *(found["Prefix"] for found in page.get("CommonPrefixes", []))]
    names = {found.removeprefix(place): f"s3://{source.bucket}/{found}" for found in beside if found != place}
    near = [found for found in names if name and found.startswith(name)]
    near += [found for found in get_close_matches(name, names, _MOST_NEAR) if found not in near]
    if not near:
        return said
    listed = ", ".join(names[found] for found in near[:_MOST_NEAR])
    return f"{said} (a folder ends at a /: the beginning of a name is not a folder); near it there are {listed}"
