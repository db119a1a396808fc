"""What an account answers before a deployment: settings that follow from it, and what people should know.

A question may stay open. Its owner may not be allowed to ask it, and another endpoint than AWS may not know it. That is
said, and does not stop a deployment.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from local.quickstart.aws.account import Account
from local.quickstart.aws.prerequisites import Target
from local.quickstart.settings.starting import Start

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedException")


class Plan(NamedTuple):
    """A deployment before it is made: its account and target, its settings, and the name of its stack."""

    account: Account
    target: Target
    start: Start
    stack: str


class Found(NamedTuple):
    """Settings that the command chooses because nobody has, and notes for people."""

    settings: Mapping[str, str] = {}
    notes: Sequence[str] = ()


class UnansweredError(Exception):
    """A question about `what` stays open; the message says which, and why."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"Not checked: {what}. {why}.")


def answer_of(question: Callable[[], Any], what: str, action: str) -> Any:  # noqa: ANN401 - the caller types it
    """Return the answer to a question about `what`.

    Raises
    ------
    UnansweredError
        The account does not allow the action, or the endpoint does not know it.
    """
    try:
        return question()
    except ClientError as error:
        if error.response["Error"]["Code"] in _DENIED:
            raise UnansweredError(what, f"Allow {action} for it, as docs/deployment.md has it") from error
        raise UnansweredError(what, str(error)) from error
    except BotoCoreError as error:
        raise UnansweredError(what, str(error)) from error
