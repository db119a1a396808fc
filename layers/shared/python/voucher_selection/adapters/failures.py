"""Failures of a shard, as the state machine records them."""

import json

from pydantic import BaseModel


def message_of(cause: str) -> str:
    """Return what an error said: the cause that Lambda gives a failed state is JSON with the message in it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


class ShardFailure(BaseModel):
    """Why a shard has no result; Lambda's `cause` is JSON with the message in it."""

    shard: int
    error: str
    cause: str

    @property
    def message(self) -> str:
        """What the error said."""
        return message_of(self.cause)
