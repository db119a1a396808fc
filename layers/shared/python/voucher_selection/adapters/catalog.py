"""The catalog on DynamoDB: versions of the model, and the pointer to the one that is served.

A run first writes a version's items. Then one transaction moves the pointer to the version, which makes it the served
model, and stores the run's summary. So a run moves the pointer only once, however often it is repeated, and its summary
can be read later. A rollback moves the pointer, but keeps the pointer's `newest_version`, so that a late run with an
older version is not served. `catalog_items` describes the items.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from voucher_selection.adapters import catalog_items
from voucher_selection.adapters.catalog_items import AMOUNTS, MODEL, POINTER, RUN, VERSION, Item, Pointer
from voucher_selection.adapters.dynamodb_errors import explained
from voucher_selection.adapters.observability import logger
from voucher_selection.domain.errors import CatalogContended, CatalogUnavailable, NoModel, NoVersion, UnreadableItem
from voucher_selection.domain.model import CountryMode, Model, SegmentMode, Version
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.summaries import PointerSummary
from voucher_selection.domain.versions import first_not_yet

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import WriteRequestOutputTypeDef, WriteRequestTypeDef

_NAMES = {"#version": "version", "#previous": "previous_version", "#newest": "newest_version"}
# An attribute that is not text, or that sorts after every version that can exist yet, counts as missing. A pointer that
# an older version wrote, before rollbacks existed, has no newest version.
_VERSION_IS_ONE = "(attribute_type(#version, :text) AND #version < :beyond)"
_NEWEST_IS_ONE = "(attribute_type(#newest, :text) AND #newest < :beyond)"
_NEWER = (
    f"(({_NEWEST_IS_ONE} AND #newest < :version)"
    f" OR (NOT {_NEWEST_IS_ONE} AND (NOT {_VERSION_IS_ONE} OR #version < :version)))"
)
_IF_NEWER = f"NOT {_VERSION_IS_ONE} OR {_NEWER}"
_IF_BUILT_ON_SERVED = f"#version = :base AND {_NEWER}"
_SERVE_NEWER = "SET #previous = if_not_exists(#version, :none), #version = :version, #newest = :version"
# SET reads the values from before the update.
_SERVE_AGAIN = "SET #newest = if_not_exists(#newest, #version), #previous = #version, #version = :version"
# A reader that read the pointer just before it moved still finds its version.
_GRACE = timedelta(days=1)
# Step Functions keeps an execution for the same time.
_RUNS_KNOWN = timedelta(days=90)
_ITEMS_OF_A_BATCH = 25  # DynamoDB's limit
_ATTEMPTS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # seconds, before the next attempt


class Base(NamedTuple):
    """The served version that a run builds on, and the pointer to it."""

    served: Version
    pointer: Pointer

    @property
    def version(self) -> str:
        """The served version."""
        return self.served.version


@explained
class Catalog:
    """The models and the pointer in one table.

    Every public method raises `CatalogUnavailable` if DynamoDB does not answer, and `CatalogRefused` if it denies the
    request. Those that read raise `NoModel` if no model has been published yet, or the catalog lacks a version or some
    of its segments; and `UnreadableItem` if an item has an unexpected form.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def served_version(self) -> str:
        """Return the served version."""
        return self.pointer().version

    def pointer(self) -> Pointer:
        """Return the pointer: the served version, and the one served before."""
        found = self._get(**POINTER)
        if found is None:
            raise NoModel("no model has been published yet: run the pipeline first")
        return catalog_items.pointer_of(found)

    def versions(self) -> list[Version]:
        """Return all versions in the catalog, the newest first; unreadable items are skipped and logged."""
        return self._versions()[0]

    def version(self, version: str) -> Version:
        """Read a version without its segments."""
        item = self._get(MODEL, f"{VERSION}{version}")
        if item is None:
            raise NoModel(f"version {version} is not in the catalog")
        return catalog_items.version_of(item)

    def read(self, version: str) -> Model:
        """Read the model of a version, with its segments and their leading amounts."""
        return catalog_items.model_of(self.version(version), self._query(f"{VERSION}{version}"))

    def with_all_amounts(self, model: Model, first: int, end: int) -> list[SegmentMode | CountryMode]:
        """Read all amounts of some of a model's modes: of `model.entries[first:end]`."""
        entries = [*enumerate(model.entries)][first:end]
        if not any(mode.others.amounts for _, mode in entries):
            return [mode for _, mode in entries]
        span = {":first": {"S": catalog_items.place_of(first)}, ":last": {"S": catalog_items.place_of(end - 1)}}
        items = self._query(f"{AMOUNTS}{model.version}", " AND sk BETWEEN :first AND :last", span)
        found = {item["sk"]: item for item in items}
        return [
            catalog_items.with_all_amounts(model.version, place, mode, found.get(catalog_items.place_of(place)))
            if mode.others.amounts
            else mode
            for place, mode in entries
        ]

    def base(self) -> Base:
        """Return the served version and the pointer, for a run that builds on them."""
        pointer = self.pointer()
        return Base(self.version(pointer.version), pointer)

    def moved_by(self, run_id: str) -> PointerSummary | None:
        """Return the summary of a run if it has moved the pointer, else None."""
        item = self._get(MODEL, f"{RUN}{run_id}")
        return None if item is None else catalog_items.summary_of(item)

    def publish(self, model: Model, summary: PointerSummary) -> Pointer | None:
        """Write a version and serve it, unless a newer one is already served.

        Publishing the same version again changes nothing. `summary` is that of the run if it moves the pointer.

        Returns
        -------
        Pointer or None
            None if the run has moved the pointer; else the pointer, which stays.

        Raises
        ------
        CatalogContended
            Others wrote the pointer during each attempt.
        """
        self._write(model)
        return self._serve(summary, _SERVE_NEWER, _IF_NEWER, {":none": {"NULL": True}})

    def replace(self, base: Base, model: Model, summary: PointerSummary) -> Pointer | None:
        """Write a version and serve it, if `base` is still the served version.

        The model's version must sort after the newest version that was ever served. Otherwise as `publish`.
        """
        self._write(model)
        values = {":none": {"NULL": True}, ":base": {"S": base.version}}
        return self._serve(summary, _SERVE_NEWER, _IF_BUILT_ON_SERVED, values)

    def serve_again(self, served: str | None, summary: PointerSummary) -> Pointer | None:
        """Serve the version of a rollback's summary again, if `served` is still the served version.

        `served` is None if the pointer cannot be read, and is to be replaced. Otherwise as `publish`.

        Raises
        ------
        NoVersion
            The catalog does not keep the version, or lacks some of its segments.
        """
        newest = self._check_kept(summary.version)
        if served is None:
            values = {":none": {"NULL": True}, ":newest": {"S": newest}}
            update = "SET #newest = :newest, #previous = :none, #version = :version"
            return self._serve(summary, update, "NOT attribute_type(#version, :text)", values)
        return self._serve(summary, _SERVE_AGAIN, "#version = :served", {":served": {"S": served}})

    def expire(self, retention: Retention, now: datetime) -> int:
        """Let the versions expire that `retention` does not keep, but never the served one or the one before it.

        Return the number of versions that were skipped because they cannot be read.
        """
        versions, unreadable = self._versions()
        in_use = self._in_use()
        expires_at = int((now + _GRACE).timestamp())
        for known in retention.to_expire(versions, now):
            if known.version not in in_use and known.expires_at is None:
                self._put(old | {"expires_at": expires_at} for old in self._whole(known.version))
        self.keep_in_use()
        return unreadable

    def keep_in_use(self) -> None:
        """Remove the expiry from the served version and the one before it.

        Either may have come into use just when it was marked, by this run or by one that died before this check.
        """
        for version in self._in_use():
            self._keep(version)

    def _versions(self) -> tuple[list[Version], int]:
        """Return the readable versions, the newest first, and the number of unreadable ones."""
        found, unreadable = [], 0
        for item in self._query(MODEL, " AND begins_with(sk, :sk)", {":sk": {"S": VERSION}}):
            try:
                found.append(catalog_items.version_of(item))
            except UnreadableItem as error:
                logger.error("an item of the catalog is left aside", reason=str(error))
                unreadable += 1
        return found[::-1], unreadable

    def _check_kept(self, version: str) -> str:
        """Check that a version is kept, and return the newest kept version."""
        kept = [known.version for known in self.versions() if known.expires_at is None]
        if version not in kept:
            raise NoVersion(f"version {version!r} is not kept; the kept versions are: {', '.join(kept)}")
        try:
            self.read(version)
        except (NoModel, UnreadableItem) as error:
            raise NoVersion(str(error)) from error
        return kept[0]

    def _get(self, pk: str, sk: str) -> Item | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if found is None else catalog_items.from_dynamodb(found)

    def _write(self, model: Model) -> None:
        """Write all items of a version, and delete those of an earlier attempt with other segments."""
        items = list(catalog_items.items_of(model))
        written = {(item["pk"], item["sk"]) for item in items}
        self._delete(item for item in self._parts(model.version) if (item["pk"], item["sk"]) not in written)
        self._put(items)

    def _serve(self, summary: PointerSummary, update: str, condition: str, values: Mapping[str, Any]) -> Pointer | None:
        """Move the pointer to the summary's version and store the summary, if the condition holds."""
        beyond = first_not_yet(summary.finished_at)
        given = {":version": {"S": summary.version}, ":beyond": {"S": beyond}, ":text": {"S": "S"}, **values}
        used = {name: value for name, value in given.items() if name in f"{update} {condition}"}
        pointer: Any = {
            "Update": {
                "TableName": self._table,
                "Key": catalog_items.to_dynamodb(POINTER),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {name: _NAMES[name] for name in _NAMES if name in f"{update} {condition}"},
                "ExpressionAttributeValues": used,
            }
        }
        run: Any = {
            "Put": {
                "TableName": self._table,
                "Item": catalog_items.to_dynamodb(catalog_items.run_item(summary, summary.finished_at + _RUNS_KNOWN)),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        # An earlier attempt may have succeeded, with its answer lost.
        if self._transact([pointer, run]) or self.moved_by(summary.run_id):
            return None
        return self.pointer()

    def _transact(self, writes: list[Any]) -> bool:
        """Write everything or nothing; return whether the conditions held."""
        for attempt in range(_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = {reason.get("Code") for reason in error.response["CancellationReasons"]}
                if "ConditionalCheckFailed" in reasons:
                    return False
                if "TransactionConflict" not in reasons:
                    raise
            else:
                return True
            _pause(attempt)
        raise CatalogContended(
            f"others wrote the pointer of table {self._table} {_ATTEMPTS} times: start the run again"
        )

    def _in_use(self) -> set[str]:
        pointer = self.pointer()
        return {version for version in (pointer.version, pointer.previous_version) if version}

    def _keep(self, version: str) -> None:
        """Remove a version's expiry."""
        items = self._whole(version)
        if any("expires_at" in item for item in items):
            self._put({name: value for name, value in item.items() if name != "expires_at"} for item in items)

    def _whole(self, version: str) -> list[Item]:
        """Return all items of a version: its amounts and segments, and last the item of the version itself."""
        made_from = self._get(MODEL, f"{VERSION}{version}")
        return [*self._parts(version), *([made_from] if made_from else [])]

    def _parts(self, version: str) -> Iterator[Item]:
        """Yield the items of a version's amounts, segments and countries."""
        for prefix in (AMOUNTS, VERSION):
            yield from self._query(f"{prefix}{version}")

    def _query(
        self, pk: str, of_sort_key: str = "", values: Mapping[str, Any] = MappingProxyType({})
    ) -> Iterator[Item]:
        """Yield the items of a partition; `of_sort_key` is a further condition, with its values."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=f"pk = :pk{of_sort_key}",
            ExpressionAttributeValues={":pk": {"S": pk}, **values},
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(catalog_items.from_dynamodb, page["Items"])

    def _put(self, items: Iterable[Item]) -> None:
        self._write_all({"PutRequest": {"Item": catalog_items.to_dynamodb(item)}} for item in items)

    def _delete(self, items: Iterable[Item]) -> None:
        self._write_all(
            {"DeleteRequest": {"Key": {name: {"S": item[name]} for name in ("pk", "sk")}}} for item in items
        )

    def _write_all(self, requests: "Iterable[WriteRequestTypeDef]") -> None:
        for batch in batched(requests, _ITEMS_OF_A_BATCH, strict=False):
            self._write_batch(list(batch))

    def _write_batch(self, batch: "list[WriteRequestTypeDef]") -> None:
        """Write a batch, and send again the items that DynamoDB leaves unwritten because it is busy."""
        left: Sequence[WriteRequestTypeDef | WriteRequestOutputTypeDef] = batch
        for attempt in range(_ATTEMPTS):
            answer = self._client.batch_write_item(RequestItems={self._table: left})
            left = answer["UnprocessedItems"].get(self._table, [])
            if not left:
                return
            _pause(attempt)
        raise CatalogUnavailable(
            f"table {self._table} left {len(left)} of {len(batch)} items unwritten {_ATTEMPTS} times:"
            " start the run again when it is less busy"
        )


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))  # noqa: S311 - nothing secret
