"""The catalog on DynamoDB: versions of the model, and the pointer to the one that is served.

Items, by partition key `pk` and sort key `sk`:

| pk | sk | holds |
|---|---|---|
| `MODEL` | `SERVED` | the pointer: `version`, the `previous_version`, and the `newest_version` that was ever served |
| `MODEL` | `VERSION#<version>` | what a version was made from, by which run, and how many segments it has |
| `VERSION#<version>` | `<country>#<segmentation>#<segment>` | a segment's mode, support, share and assignments |

A version's items are written first; then one conditional write of the pointer makes all of them the served model. A
rollback moves the pointer alone; `newest_version` stays, so that a late run older than it is not served instead.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import batched
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import botocore.session
from botocore.config import Config

from voucher_selection.adapters.dynamodb_errors import explained
from voucher_selection.domain.errors import CatalogUnavailable, NoModel, NoVersion
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.runs import Counted, Totals
from voucher_selection.domain.segments import SegmentDefinitions, load_definitions
from voucher_selection.domain.served_model import AmountCount, SegmentMode, ServedModel
from voucher_selection.domain.stored_objects import StoredObject

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import WriteRequestOutputTypeDef, WriteRequestTypeDef

type Item = dict[str, Any]

_MODEL = "MODEL"
_VERSION = "VERSION#"
_POINTER = {"pk": {"S": _MODEL}, "sk": {"S": "SERVED"}}
_POINTER_NAMES = {"#version": "version", "#previous": "previous_version", "#newest": "newest_version"}
# A pointer that was written before there were rollbacks has no newest version.
_NEWER = "(#newest < :version OR (attribute_not_exists(#newest) AND #version < :version))"
_IF_NEWER = f"attribute_not_exists(#version) OR {_NEWER}"
_IF_BUILT_ON_SERVED = f"#version = :base AND {_NEWER}"
# A reader that took the pointer just before it moved still finds its version.
_GRACE = timedelta(days=1)
_ITEMS_OF_A_BATCH = 25  # DynamoDB's limit
_BATCH_ATTEMPTS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # seconds, before what was left of a batch is sent again
_PATIENT = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=2, read_timeout=5)


class Base(NamedTuple):
    """What a run builds on: the served version, the counts it was made from, and what it keeps of it.

    `newest_version` is the newest that was ever served; after a rollback it is not `version`.
    """

    version: str
    newest_version: str
    counted: Counted
    countries: tuple[str, ...]
    definitions: SegmentDefinitions


class Publication(NamedTuple):
    """Whether a version became the served one, which is served now, and the newest that ever was."""

    published: bool
    served_version: str
    newest_version: str


class Pointer(NamedTuple):
    """Which version is served, which was before it (None: it is the first), and the newest that ever was."""

    version: str
    previous_version: str | None
    newest_version: str


class Version(NamedTuple):
    """A version in the catalog: what it was made from, by which run, and when.

    `expires_at` is None unless it is about to be deleted; a version that is can no longer be served.
    """

    version: str
    run_id: str
    counted: Counted
    cur_date: date
    published_at: datetime
    countries: tuple[str, ...]
    expires_at: datetime | None


@explained
class Catalog:
    """The models in one table.

    Parameters
    ----------
    table
        The table's name.
    config
        How long to wait for DynamoDB, and how often to try.
    """

    def __init__(self, table: str, config: Config = _PATIENT) -> None:
        self._table = table
        # Not boto3's: without it the API starts faster.
        client = botocore.session.get_session().create_client("dynamodb", config=config)
        self._client = cast("DynamoDBClient", client)

    def served_version(self) -> str:
        """Return the version that is served.

        Raises
        ------
        NoModel
            None has been published yet.
        """
        return self.pointer().version

    def pointer(self) -> Pointer:
        """Return which version is served, and which was before.

        Raises
        ------
        NoModel
            None has been published yet.
        """
        found = self._client.get_item(TableName=self._table, Key=_POINTER, ConsistentRead=True).get("Item")
        if found is None:
            raise NoModel("no model has been published yet: run the pipeline first")
        return _pointer_of(found)

    def versions(self) -> list[Version]:
        """Return every version that the catalog has, the newest first."""
        return [_version_of(item) for item in self._query(_MODEL, _VERSION)][::-1]

    def version(self, version: str) -> Version:
        """Return what is known of a version.

        Raises
        ------
        NoModel
            There is no such version.
        """
        item = self._made_from(version)
        if item is None:
            raise NoModel(f"version {version} is not in the catalog")
        return _version_of(item)

    def read(self, version: str) -> ServedModel:
        """Read a version.

        Raises
        ------
        NoModel
            There is no such version, or not the whole of it.
        """
        made_from = self._made_from(version)
        items = list(self._query(f"{_VERSION}{version}", ""))
        if made_from is None or len(items) != made_from["segments"]:
            raise NoModel(f"version {version} is not in the catalog as a whole: {len(items)} segments are there")
        return _model_of(made_from, items)

    def base(self) -> Base:
        """Return what a run that changes the served model builds on.

        Raises
        ------
        NoModel
            None has been published yet, or the served version is not in the catalog.
        """
        pointer = self.pointer()
        item = self._made_from(pointer.version)
        if item is None:
            raise NoModel(f"version {pointer.version} is served and not in the catalog")
        return Base(
            version=pointer.version,
            newest_version=pointer.newest_version,
            counted=_counted_of(item),
            countries=tuple(item["countries"]),
            definitions=load_definitions(item["definitions"]),
        )

    def publish(self, model: ServedModel, counted: Counted, retention: Retention, now: datetime) -> Publication:
        """Write a version and serve it, unless a newer one is served already.

        Publishing the same version again changes nothing. Of older versions those stay that `retention` keeps, and
        always the served one and the one before it; the others expire.

        Parameters
        ----------
        counted
            What the model was made from.
        """
        self._write(model, counted)
        publication = self._serve(model.version, _IF_NEWER, {})
        self._expire(retention, now)
        return publication

    def replace(
        self, base: Base, model: ServedModel, counted: Counted, retention: Retention, now: datetime
    ) -> Publication:
        """Write a version and serve it, if the version that it builds on is still the served one.

        The model's version must sort after the newest that was ever served; for the rest, see `publish`.
        """
        self._write(model, counted)
        publication = self._serve(model.version, _IF_BUILT_ON_SERVED, {":base": {"S": base.version}})
        self._expire(retention, now)
        return publication

    def serve_again(self, version: str) -> Pointer:
        """Serve a version that the catalog keeps, and return the pointer; where it is served already, nothing changes.

        Raises
        ------
        NoModel
            None has been published yet.
        NoVersion
            The catalog does not keep that version as a whole.
        """
        pointer = self.pointer()
        if version == pointer.version:
            self._keep(version)  # a rollback that died may have come no further
            return pointer
        self._check_kept(version)
        # An update whose answer was lost is sent again: it must not make the version its own predecessor.
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=_POINTER,
                # What SET reads is what was there before the update.
                UpdateExpression=(
                    "SET #newest = if_not_exists(#newest, #version), #previous = #version, #version = :version"
                ),
                ConditionExpression="#version <> :version",
                ExpressionAttributeNames=_POINTER_NAMES,
                ExpressionAttributeValues={":version": {"S": version}},
            )
        # A run that published meanwhile may have marked it before it was in use.
        self._keep(version)
        return self.pointer()

    def _check_kept(self, version: str) -> None:
        kept = [known for known in self.versions() if known.expires_at is None]
        if version not in {known.version for known in kept}:
            listed = ", ".join(known.version for known in kept)
            raise NoVersion(f"version {version!r} is not kept; the versions that are: {listed}")
        try:
            self.read(version)
        except NoModel as error:
            raise NoVersion(str(error)) from error

    def _made_from(self, version: str) -> Item | None:
        """Return the item that says what a version was made from."""
        key = {"pk": {"S": _MODEL}, "sk": {"S": f"{_VERSION}{version}"}}
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if found is None else _from_item(found)

    def _write(self, model: ServedModel, counted: Counted) -> None:
        """Write all items of a version, and delete what an attempt at it with other segments has left."""
        items = list(items_of(model, counted))
        written = {item["sk"] for item in items}
        left = [item for item in self._query(f"{_VERSION}{model.version}", "") if item["sk"] not in written]
        self._delete(left)
        self._put(items)

    def _serve(self, version: str, condition: str, values: Mapping[str, Any]) -> Publication:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_POINTER,
                UpdateExpression=(
                    "SET #previous = if_not_exists(#version, :none), #version = :version, #newest = :version"
                ),
                ConditionExpression=condition,
                ExpressionAttributeNames=_POINTER_NAMES,
                ExpressionAttributeValues={":version": {"S": version}, ":none": {"NULL": True}, **values},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            pointer = self.pointer()
            return Publication(pointer.version == version, pointer.version, pointer.newest_version)
        return Publication(published=True, served_version=version, newest_version=version)

    def _expire(self, retention: Retention, now: datetime) -> None:
        in_use = self._in_use()
        expires_at = int((now + _GRACE).timestamp())
        for known in retention.over(self.versions(), now):
            if known.version not in in_use and known.expires_at is None:
                self._put(old | {"expires_at": expires_at} for old in self._whole(known.version))
        # One of them may have come into use while it was marked, here or by a run that died before it looked again.
        for version in self._in_use():
            self._keep(version)

    def _in_use(self) -> set[str]:
        pointer = self.pointer()
        return {version for version in (pointer.version, pointer.previous_version) if version}

    def _keep(self, version: str) -> None:
        """Take a version's expiry back."""
        items = self._whole(version)
        if any("expires_at" in item for item in items):
            self._put({name: value for name, value in item.items() if name != "expires_at"} for item in items)

    def _whole(self, version: str) -> list[Item]:
        """Return all items of a version, that of what it was made from last."""
        made_from = self._made_from(version)
        return [*self._query(f"{_VERSION}{version}", ""), *([made_from] if made_from else [])]

    def _query(self, pk: str, sk_prefix: str) -> Iterator[Item]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if sk_prefix:
            condition, values = f"{condition} AND begins_with(sk, :sk)", values | {":sk": {"S": sk_prefix}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(_from_item, page["Items"])

    def _put(self, items: Iterable[Item]) -> None:
        from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415 - only who publishes needs boto3

        serialize = TypeSerializer().serialize
        self._write_all(
            {"PutRequest": {"Item": {name: serialize(value) for name, value in item.items()}}} for item in items
        )

    def _delete(self, items: Iterable[Item]) -> None:
        self._write_all(
            {"DeleteRequest": {"Key": {name: {"S": item[name]} for name in ("pk", "sk")}}} for item in items
        )

    def _write_all(self, requests: "Iterable[WriteRequestTypeDef]") -> None:
        for batch in batched(requests, _ITEMS_OF_A_BATCH, strict=False):
            self._write_batch(list(batch))

    def _write_batch(self, batch: "list[WriteRequestTypeDef]") -> None:
        """Write a batch, sending what DynamoDB leaves of it again: so it answers who writes too fast.

        Raises
        ------
        CatalogUnavailable
            It always leaves some.
        """
        left: Sequence[WriteRequestTypeDef | WriteRequestOutputTypeDef] = batch
        for attempt in range(_BATCH_ATTEMPTS):
            answer = self._client.batch_write_item(RequestItems={self._table: left})
            left = answer["UnprocessedItems"].get(self._table, [])
            if not left:
                return
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))  # noqa: S311 - nothing secret
        raise CatalogUnavailable(
            f"table {self._table} left {len(left)} of {len(batch)} items unwritten {_BATCH_ATTEMPTS} times:"
            " start the run again when it is less busy"
        )


def _deserialize(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what an attribute holds
    ((kind, held),) = attribute.items()
    match kind:
        case "N":
            return Decimal(held)
        case "NULL":
            return None
        case "L":
            return [_deserialize(element) for element in held]
        case "M":
            return _from_item(held)
        case _:
            return held


def _from_item(item: Mapping[str, Any]) -> Item:
    return {name: _deserialize(value) for name, value in item.items()}


def items_of(model: ServedModel, counted: Counted) -> Iterator[Item]:
    """Yield the items of a version as they are written: its segments, and last what it was made from."""
    for position, mode in enumerate(model.modes):
        yield {
            "pk": f"{_VERSION}{model.version}",
            "sk": f"{mode.country_code}#{mode.segment_name}#{mode.segment}",
            "position": position,
            "country_code": mode.country_code,
            "segment_name": mode.segment_name,
            "segment": mode.segment,
            "lower": mode.lower,
            "upper": mode.upper,
            "voucher_amount": _decimal(mode.voucher_amount),
            "support": mode.support,
            "share": _decimal(mode.share),
            "assignments": [{"voucher_amount": _decimal(a.voucher_amount), "count": a.count} for a in mode.assignments],
        }
    yield {
        "pk": _MODEL,
        "sk": f"{_VERSION}{model.version}",
        "version": model.version,
        "run_id": model.run_id,
        "counts_run_id": counted.run_id,
        "rows": counted.rows and counted.rows.model_dump(mode="json"),
        "ledger": counted.ledger and counted.ledger.model_dump(mode="json"),
        "cur_date": model.cur_date.isoformat(),
        "published_at": model.published_at.isoformat(),
        "countries": list(model.countries),
        "definitions": model.definitions.model_dump_json(),
        "segments": len(model.modes),
    }


def _decimal(number: float | None) -> Decimal | None:
    """DynamoDB has no floats; the shortest text of a float is the number that was meant."""
    return None if number is None else Decimal(repr(number))


def _pointer_of(attributes: Mapping[str, Any]) -> Pointer:
    item = _from_item(attributes)
    return Pointer(item["version"], item["previous_version"], item.get("newest_version") or item["version"])


def _counted_of(item: Item) -> Counted:
    rows, ledger = item.get("rows"), item.get("ledger")  # a version that was written before they were has none
    return Counted(
        item["counts_run_id"], rows and Totals.model_validate(rows), ledger and StoredObject.model_validate(ledger)
    )


def _version_of(item: Item) -> Version:
    return Version(
        version=item["version"],
        run_id=item["run_id"],
        counted=_counted_of(item),
        cur_date=date.fromisoformat(item["cur_date"]),
        published_at=datetime.fromisoformat(item["published_at"]),
        countries=tuple(item["countries"]),
        expires_at=datetime.fromtimestamp(int(item["expires_at"]), UTC) if "expires_at" in item else None,
    )


def _model_of(version: Item, segments: list[Item]) -> ServedModel:
    return ServedModel(
        version=version["version"],
        run_id=version["run_id"],
        cur_date=date.fromisoformat(version["cur_date"]),
        published_at=datetime.fromisoformat(version["published_at"]),
        countries=tuple(version["countries"]),
        definitions=load_definitions(version["definitions"]),
        modes=tuple(map(_mode_of, sorted(segments, key=itemgetter("position")))),
    )


def _mode_of(item: Item) -> SegmentMode:
    return SegmentMode(
        country_code=item["country_code"],
        segment_name=item["segment_name"],
        segment=item["segment"],
        lower=None if item["lower"] is None else int(item["lower"]),
        upper=None if item["upper"] is None else int(item["upper"]),
        assignments=tuple(AmountCount(float(a["voucher_amount"]), int(a["count"])) for a in item["assignments"]),
    )
