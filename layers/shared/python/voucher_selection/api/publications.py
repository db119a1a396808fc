"""When a model was last published, whoever asks the API, and however often the pointer was moved since."""

from datetime import datetime

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.domain.errors import NoModel


def last_published_at(catalog: Catalog) -> datetime | None:
    """Return when the newest version was published, or None before the first; a rollback is no publication.

    Raises
    ------
    VoucherSelectionError
        The catalog cannot be reached or read, or lacks the served version.
    """
    try:
        pointer = catalog.pointer()
    except NoModel:
        return None
    try:
        return catalog.version(pointer.newest_version).published_at
    except NoModel:  # after a rollback the newest version is not in use, and may expire
        return catalog.version(pointer.version).published_at
