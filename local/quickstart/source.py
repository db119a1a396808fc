"""The history that a run is given: a local file or folder, an S3 location, an HTTPS address, or the sample."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from local.quickstart.steps import StepError
from voucher_selection.domain.s3_addresses import is_s3

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def is_remote(source: str) -> bool:
    """Tell whether the state machine can read the source itself."""
    source = source.strip()
    return is_s3(source) or source.lower().startswith("https://")


def resolve(source: str | None, state: Path, option: str = "--source") -> str | Path:
    """Return the source's address, or its place on this machine.

    Raises
    ------
    StepError
        There is nothing at that place, or the address is of another kind.
    """
    if source is None:
        from local.quickstart.sample import sample_file  # noqa: PLC0415 - only it needs numpy and pyarrow

        return sample_file(state)
    if is_remote(source):
        return source
    if "://" in source:
        raise StepError(f"{option} takes a file or folder, s3://… or https://…, not {source}")
    place = Path(source).expanduser()
    if not place.exists():
        raise StepError(f"there is no file or folder {place.absolute()}")
    return place.resolve()


def upload(place: Path, bucket: str, s3: "S3Client") -> str:
    """Upload a file or a folder below `uploads/` and return its address."""
    address = f"s3://{bucket}/uploads/{place.name}"
    if place.is_file():
        s3.upload_file(str(place), bucket, f"uploads/{place.name}")
        return address
    for file in _files(place):
        s3.upload_file(str(file), bucket, f"uploads/{place.name}/{file.relative_to(place).as_posix()}")
    return f"{address}/"


def _files(folder: Path) -> Iterator[Path]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    if not files:
        raise StepError(f"the folder {folder} is empty")
    yield from files
