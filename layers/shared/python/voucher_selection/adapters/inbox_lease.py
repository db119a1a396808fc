"""Which run of the inbox works now: an item of the table, moved from one run to the next under conditions.

Only one run of the inbox works at a time, so that what arrives meanwhile is taken together. Whoever drops an object
adds to `arrivals` in the same request that reads the run. A run that ends gives the lease back only if nothing arrived
since it looked into the inbox. So no object waits unseen.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from voucher_selection.adapters.dynamodb_errors import explained

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_KEY = {"pk": {"S": "INBOX"}, "sk": {"S": "LEASE"}}
# Of many objects that arrive at once, one has Step Functions asked how the run stands.
_PAUSE = timedelta(seconds=10)
_SAME_RUN = "(run_id = :run OR (attribute_not_exists(run_id) AND :run = :none))"


class Lease(NamedTuple):
    """The run that works, None if none does; how often something arrived; and when somebody last asked for the run."""

    run_id: str | None
    arrivals: int
    asked_at: str | None


@explained
class InboxLease:
    """The lease of the inbox, an item of the catalog's table.

    Every method raises `CatalogUnavailable` if DynamoDB does not answer, and `CatalogRefused` if it denies the request.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def arrived(self) -> Lease:
        """Note that something arrived, and return the lease."""
        answer = self._client.update_item(
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="ADD arrivals :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        return _lease_of(answer["Attributes"])

    def read(self) -> Lease:
        """Return the lease."""
        answer = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        return _lease_of(answer.get("Item", {}))

    def may_ask(self, lease: Lease) -> bool:
        """Return whether it is time, and the caller's turn, to ask how the run stands."""
        now = datetime.now(UTC)
        if lease.asked_at and now - datetime.fromisoformat(lease.asked_at) < _PAUSE:
            return False
        unchanged = "asked_at = :before" if lease.asked_at else "attribute_not_exists(asked_at)"
        before = {":before": {"S": lease.asked_at}} if lease.asked_at else {}
        return self._changed("SET asked_at = :now", lease, f" AND {unchanged}", {":now": _text(now)} | before)

    def moved(self, lease: Lease, run_id: str) -> bool:
        """Give the lease to another run; return False if somebody else was quicker."""
        values = {":next": {"S": run_id}, ":now": _text(datetime.now(UTC))}
        return self._changed("SET run_id = :next, asked_at = :now", lease, "", values)

    def given_back(self, lease: Lease) -> bool:
        """Give the lease back; return False if something arrived since it was read, or somebody else was quicker."""
        arrivals = {":arrivals": {"N": str(lease.arrivals)}}
        return self._changed("REMOVE run_id, asked_at", lease, " AND arrivals = :arrivals", arrivals)

    def _changed(self, update: str, lease: Lease, condition: str, values: dict[str, Any]) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression=update,
                ConditionExpression=f"{_SAME_RUN}{condition}",
                ExpressionAttributeValues={":run": {"S": lease.run_id or "-"}, ":none": {"S": "-"}, **values},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _text(moment: datetime) -> dict[str, str]:
    return {"S": moment.isoformat()}


def _lease_of(item: Mapping[str, Any]) -> Lease:
    run_id, asked_at = item.get("run_id"), item.get("asked_at")
    return Lease(
        run_id["S"] if run_id else None,
        int(item["arrivals"]["N"]) if "arrivals" in item else 0,
        asked_at["S"] if asked_at else None,
    )
