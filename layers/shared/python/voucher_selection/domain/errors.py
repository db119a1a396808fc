"""Errors of runs and lookups, one class per cause.

The class name becomes the `Error` of a failed execution, and the message becomes its cause.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voucher_selection.domain.validation import FieldProblem


# A failed state's cause has at most 32 KiB, with the trace and JSON's escapes. A longer message would hide the error.
LONGEST_MESSAGE = 8_000


class VoucherSelectionError(Exception):
    """Base of all errors that a run or a lookup explains to its user. It cuts a message that is too long."""

    def __init__(self, message: str = "") -> None:
        left_out = len(message) - LONGEST_MESSAGE
        super().__init__(message if left_out <= 0 else f"{message[:LONGEST_MESSAGE]}… ({left_out:,} characters more)")


class InvalidRequest(VoucherSelectionError):
    """The run's input has an unknown mode or key, lacks a key, or has an invalid value; the message names each."""

    def __init__(self, message: str, problems: "Sequence[FieldProblem]" = ()) -> None:
        super().__init__(message)
        self.problems = problems


class InvalidUpload(VoucherSelectionError):
    """A file cannot be uploaded through the API as it is asked; `problems` has one entry per field."""

    def __init__(self, problems: "Sequence[FieldProblem]") -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class InvalidSegments(VoucherSelectionError):
    """The segment definitions overlap, leave a gap, are inverted, or cannot be read."""


class SourceNotAllowed(VoucherSelectionError):
    """The deployment may not read the source: its host is not allowed or is internal, or its bucket is not granted."""


class SourceNotFound(VoucherSelectionError):
    """The source has no object, folder or file."""


class SourceTooLarge(VoucherSelectionError):
    """The source's file is larger than this deployment fetches over HTTPS."""


class SourceUnavailable(VoucherSelectionError):
    """The source's server did not deliver the file."""


class SourceChanged(VoucherSelectionError):
    """A file of the source changed while it was copied, or its copy was replaced or removed after Ingest read it."""


class LakeUnavailable(VoucherSelectionError):
    """S3 did not read or write a whole object, even after repeated requests."""


class LakeRefused(VoucherSelectionError):
    """S3 denies the deployment an object of its own bucket: someone changed the rights, the bucket or its KMS key."""


class ObjectMissing(VoucherSelectionError):
    """An object that an earlier step or run wrote is gone: it expired or was deleted."""


class ObjectAltered(VoucherSelectionError):
    """An object of the lake has changed since a step or run wrote it, or cannot be read."""


class NoDataFiles(VoucherSelectionError):
    """The source's folder has objects, but none is named like a file of parquet, CSV or JSON lines."""


class TableFormat(VoucherSelectionError):
    """The source's folder is a Delta, Iceberg or Hudi table: its files also hold rows deleted from the table."""


class UnusableFile(VoucherSelectionError):
    """A file of the source cannot be used, whatever the others are like. A run may leave such files out."""


class NoUsableFiles(VoucherSelectionError):
    """The run leaves out files that cannot be used, and no other is left; the message names the first of them."""


class NotParquet(UnusableFile):
    """A file of the source is damaged, or is not a parquet file."""


class UnreadableText(UnusableFile):
    """A file of the source is neither parquet, CSV nor JSON lines, or a line of it cannot be read as the others."""


class TextTooLarge(VoucherSelectionError):
    """The CSV files and JSON lines of a source have more bytes than a run reads of text."""


class WrongSchema(UnusableFile):
    """A column of the source is missing, occurs twice, or has a type that cannot hold its values."""


class EmptySource(UnusableFile):
    """The source's files have no rows."""


class ShardsIncomplete(VoucherSelectionError):
    """A shard's result is missing (the cause says why) or does not add up, or there are too many results."""


class ShardTooLarge(VoucherSelectionError):
    """The output of a shard does not fit on the function's disk."""


class NothingKept(VoucherSelectionError):
    """Cleaning kept no row of the run's countries, so no model can be made."""


class TooManyAmounts(VoucherSelectionError):
    """A segment has more different voucher amounts than a DynamoDB item holds: perhaps the column is not amounts."""


class ModelTooLarge(VoucherSelectionError):
    """The model has more countries x segments than the API serves, or a what-if is too large for an answer."""


class TooFine(VoucherSelectionError):
    """A measure has too many different values for a search of its best ranges; the message names how many would do."""


class TooLittleSupport(VoucherSelectionError):
    """No range can have the least support: all assignments together are fewer; the message names how many."""


class AmountOutOfRange(VoucherSelectionError):
    """The counts have a voucher amount that DynamoDB cannot store as a number."""


class HeldBack(VoucherSelectionError):
    """The model fails thresholds of the quality gate; the cause names each. A run can approve the model."""


class RefreshHeldBack(HeldBack):
    """The daily refresh made no model to publish, and says so once: the gate, an empty window, or unusable counts."""


class DeliveryOverlaps(HeldBack):
    """An append has days that are counted already; the cause names them. A run can approve it as `replace` or `add`."""


class NotHeldBack(VoucherSelectionError):
    """The run that was to be approved was not held back, or cannot be approved in this way."""


class NoCounts(VoucherSelectionError):
    """The run has no counts to start from: no model is served yet, or the named run left no counts."""


class NothingToRefresh(VoucherSelectionError):
    """The daily refresh of a stage whose first model is not published yet. Its execution succeeds."""


class OldCounts(NoCounts):
    """The counts lack what this version counts, because an older version wrote them: run the whole history once."""


class EmptyWindow(VoucherSelectionError):
    """No assignment was given on a day of the window, so no model can be made from it."""


class OtherCountries(VoucherSelectionError):
    """New history cannot be added: it is for other countries than the existing counts."""


class OtherTimeZone(VoucherSelectionError):
    """New history cannot be added: its days are of another time zone than those of the existing counts."""


class UnknownTimeZone(VoucherSelectionError):
    """The time zone is unknown, or the function has no time zone database."""


class AlreadyCounted(VoucherSelectionError):
    """Another run counted some objects of an append while it ran: start it again, it adds the others."""


class NoLongerCounted(VoucherSelectionError):
    """Objects that an append skipped as counted are not in the served counts: start it again, it adds them."""


class CatalogContended(VoucherSelectionError):
    """Other runs replaced the served model each time a run tried to build on it: start it again."""


class CatalogUnavailable(VoucherSelectionError):
    """DynamoDB did not answer, or did not write all items of a version, even after repeated requests."""


class CatalogRefused(VoucherSelectionError):
    """DynamoDB denies a request to the deployment's table: someone changed the rights, the table or its KMS key."""


class UnreadableItem(VoucherSelectionError):
    """An item of the catalog is not in the form that this product writes; the message names the item and its fault."""


class NoModel(VoucherSelectionError):
    """No model has been published yet, or the version that an assign run uses has expired meanwhile."""


class NoVersion(VoucherSelectionError):
    """The version to serve again is no longer kept, or the served version is the first."""


class NoRun(VoucherSelectionError):
    """The run does not exist."""


class UnknownCountry(VoucherSelectionError):
    """The served model was not made for this country."""


class NoSegment(VoucherSelectionError):
    """The customer is outside every segment of the segmentation."""


class NoSupport(VoucherSelectionError):
    """The customer's segment has no assignments, so it has no mode."""
