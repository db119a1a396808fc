"""The stores that the steps of a run read and write: the lake and the catalog."""

from typing import NamedTuple, Self

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.clients import dynamodb_client, s3_client
from voucher_selection.adapters.lake import Lake


class Stores(NamedTuple):
    """The lake and the catalog of a deployment."""

    lake: Lake
    catalog: Catalog

    @classmethod
    def of(cls, bucket: str, table: str) -> Self:
        """Return the stores of a bucket and a table, with clients of their own."""
        return cls(Lake(bucket, s3_client()), Catalog(table, dynamodb_client()))
