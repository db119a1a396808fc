"""What can be wrong with a run, one class per cause: the `Error` of the failed execution; the message is its cause."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voucher_selection.domain.validation import FieldProblem


# A failed state's cause may have 32 KiB, with the trace and in JSON; what is longer would hide the error itself.
LONGEST_MESSAGE = 8_000


class VoucherSelectionError(Exception):
    """Base of every error that a run or a lookup explains to its user; a message that is too long is cut."""

    def __init__(self, message: str = "") -> None:
        left_out = len(message) - LONGEST_MESSAGE
        super().__init__(message if left_out <= 0 else f"{message[:LONGEST_MESSAGE]}… ({left_out:,} characters more)")


class InvalidRequest(VoucherSelectionError):
    """The run's input has an unknown mode or key, misses one, or holds a value that cannot be used; each is named."""

    def __init__(self, message: str, problems: "Sequence[FieldProblem]" = ()) -> None:
        super().__init__(message)
        self.problems = problems


class InvalidSegments(VoucherSelectionError):
    """The segment definitions overlap, leave a gap, are inverted, or cannot be read."""


class SourceNotAllowed(VoucherSelectionError):
    """The source is where this deployment may not read: an HTTPS host off the list or within, a bucket not granted."""


class SourceNotFound(VoucherSelectionError):
    """There is no object, folder or file at the source."""


class SourceTooLarge(VoucherSelectionError):
    """The source's file is larger than this deployment fetches over HTTPS."""


class SourceUnavailable(VoucherSelectionError):
    """The source's server did not deliver the file."""


class SourceChanged(VoucherSelectionError):
    """A file of the source was replaced while it was copied, or its copy replaced or removed after Ingest read it."""


class LakeUnavailable(VoucherSelectionError):
    """S3 did not deliver or take an object, or never the whole of it, however often it was asked."""


class LakeRefused(VoucherSelectionError):
    """S3 refuses the deployment an object of its own bucket: the rights, the bucket or its key were changed."""


class ObjectMissing(VoucherSelectionError):
    """An object that an earlier step or run has written is gone: it expired, or was deleted."""


class ObjectAltered(VoucherSelectionError):
    """An object of the lake is not as the step or run that wrote it has left it, or cannot be read."""


class NoParquetFiles(VoucherSelectionError):
    """The source's folder holds objects, none of them a parquet file."""


class TableFormat(VoucherSelectionError):
    """The source's folder is a table of Delta, Iceberg or Hudi, whose files hold rows that are no longer in it, too."""


class NotParquet(VoucherSelectionError):
    """A file of the source is no parquet file, or a damaged one."""


class WrongSchema(VoucherSelectionError):
    """A column of the history is missing, doubled, or of a type that cannot hold its values."""


class EmptySource(VoucherSelectionError):
    """The source's files hold no rows at all."""


class ShardsIncomplete(VoucherSelectionError):
    """A shard has no result (the cause says why) or one that does not add up, or there is a result too many."""


class ShardTooLarge(VoucherSelectionError):
    """What is written of a shard does not fit on the function's disk."""


class NothingKept(VoucherSelectionError):
    """Cleaning left no row of the run's countries to make a model from."""


class TooManyAmounts(VoucherSelectionError):
    """A segment has more different voucher amounts than an item of DynamoDB holds: maybe they are no amounts."""


class ModelTooLarge(VoucherSelectionError):
    """The model has more countries x segments, or more amounts in all, than the API can answer."""


class AmountOutOfRange(VoucherSelectionError):
    """The counts have a voucher amount that DynamoDB's numbers cannot hold."""


class HeldBack(VoucherSelectionError):
    """The model does not keep to thresholds of the quality gate, each named in the cause; a run may approve it."""


class NotHeldBack(VoucherSelectionError):
    """The run to approve is none that the quality gate has held back."""


class NoCounts(VoucherSelectionError):
    """There are no counts to start from: nothing is served yet, or the run named has left none."""


class OtherCountries(VoucherSelectionError):
    """New history was to be counted for other countries than the counts that it is added to."""


class OtherTimeZone(VoucherSelectionError):
    """New history was to be counted by the days of another time zone than the counts that it is added to."""


class UnknownTimeZone(VoucherSelectionError):
    """There is no time zone of this name, or no database of them where the function runs."""


class AlreadyCounted(VoucherSelectionError):
    """Some of the objects of an append were counted by another run while it ran: start it again, it adds the others."""


class NoLongerCounted(VoucherSelectionError):
    """What an append left out as counted is not in the counts that it would be added to: start it again, it adds it."""


class CatalogContended(VoucherSelectionError):
    """The served model was replaced again and again while a run tried to build on it: start it again."""


class CatalogUnavailable(VoucherSelectionError):
    """DynamoDB did not answer, or left items of a version unwritten, however often it was asked."""


class CatalogRefused(VoucherSelectionError):
    """DynamoDB refuses a request to the deployment's table: its rights, the table or its key were changed."""


class UnreadableItem(VoucherSelectionError):
    """An item of the catalog is not as this product writes it; the message names the item and what is wrong with it."""


class NoModel(VoucherSelectionError):
    """No model has been published yet, or the version that customers were to get amounts of has expired meanwhile."""


class NoVersion(VoucherSelectionError):
    """The version to serve again is not kept, or there is none before the served one."""


class NoRun(VoucherSelectionError):
    """There is no such run."""


class UnknownCountry(VoucherSelectionError):
    """The served model was not made for this country."""


class NoSegment(VoucherSelectionError):
    """The customer is in no segment of the segmentation."""


class NoSupport(VoucherSelectionError):
    """The customer's segment has no assignments behind it, so it has no mode."""
