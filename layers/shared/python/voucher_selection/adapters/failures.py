"""Read the failures of shards and states that Step Functions records."""

import json

from pydantic import BaseModel


def message_of(cause: str) -> str:
    """Return the error's message from a state's `cause`: Lambda's cause is JSON that contains it.

    Examples
    --------
    >>> message_of('{"errorMessage": "the source has no rows", "errorType": "EmptySource"}')
    'the source has no rows'
    """
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


class ShardFailure(BaseModel):
    """The reason why a shard has no result, as the state machine records it."""

    shard: int
    error: str
    cause: str

    @property
    def message(self) -> str:
        """The error's message."""
        return message_of(self.cause)
