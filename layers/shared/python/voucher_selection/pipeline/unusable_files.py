"""Files that cannot be used: a run fails because of them, or leaves them out."""

from collections.abc import Callable
from typing import NamedTuple

from voucher_selection.adapters.parquet.footers import Footer
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.domain.errors import EmptySource, UnusableFile
from voucher_selection.domain.plans import UnusableSource


class Trial(NamedTuple):
    """How a run tries each file of its source: one that cannot be used raises its error, or is left out."""

    leave_out: bool = False

    def of[Found](self, landed: LandedFile, read: Callable[[], Found]) -> Found | UnusableSource:
        """Return what is read of a file, or that it cannot be used. A file without rows is one that cannot."""
        if not self.leave_out:
            return read()
        try:
            found = read()
            if isinstance(found, Footer) and not found.file.rows:
                raise EmptySource(f"{landed.source} holds no rows")
        except UnusableFile as error:
            return UnusableSource(
                source=landed.source, identity=landed.identity, error=type(error).__name__, message=str(error)
            )
        return found
