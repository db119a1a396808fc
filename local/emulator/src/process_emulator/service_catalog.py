"""LocalStack's index of AWS's services, kept beside the functions' code: making it takes three seconds of a start."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def keep_catalog(folder: Path) -> None:
    """Let LocalStack keep its index in a folder that outlives the emulator, and may be shared by several."""
    from localstack.aws import spec  # noqa: PLC0415 - LocalStack is imported when its environment is set

    name: str = spec._get_catalog_filename()  # of the versions of LocalStack and botocore
    write: Callable[[Any, str], Any] = spec.save_service_index_cache

    def write_whole(index: Any, file_path: str) -> Any:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
            made = write(index, draft.name)
        os.replace(draft.name, file_path)  # noqa: PTH105 - another emulator never reads half of it
        return made

    # LocalStack joins it to folders of its own, which an absolute path replaces.
    spec._get_catalog_filename = lambda: str(folder / name)
    spec.save_service_index_cache = write_whole
