"""The keys that sign requests to the emulator: its own, made at each start, and what its services give out.

Nobody but the user who started the emulator can read its key: it is in a file of the state folder, in the format of
AWS's shared credentials, and never on a command line.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moto.sts.models import AssumedRole

FILE = "credentials"
# LocalStack reads the account from a key that starts so: eight letters of base32 and a part of the next are 12 zeros.
_OF_ACCOUNT_ZERO = "LKIAQAAAAAAAA"
_LETTERS = string.ascii_uppercase + "234567"
_FURTHER_LETTERS = 7


@dataclass(frozen=True)
class Key:
    """An access key."""

    access_key_id: str
    secret: str

    def write(self, state: Path) -> None:
        """Write the key where `AWS_SHARED_CREDENTIALS_FILE` can name it, with the mode that the umask leaves."""
        draft = state / f"{FILE}.new"
        draft.unlink(missing_ok=True)
        draft.write_text(
            f"[default]\naws_access_key_id = {self.access_key_id}\naws_secret_access_key = {self.secret}\n"
        )
        draft.replace(state / FILE)


class Keys:
    """The keys of this process: `own` is the user's, `internal` the secret of the services among themselves."""

    def __init__(self) -> None:
        random_part = "".join(secrets.choice(_LETTERS) for _ in range(_FURTHER_LETTERS))
        self.own = Key(_OF_ACCOUNT_ZERO + random_part, secrets.token_urlsafe(30))
        self.internal = secrets.token_urlsafe(30)

    def secret_of(self, access_key_id: str) -> str:
        """Return the secret of an access key.

        Keys that STS gave out for a role have their own: functions and the CDK sign with these. The internal one is for
        every other id: LocalStack's services use account numbers and a name, which are shorter than a key's id.
        """
        if access_key_id == self.own.access_key_id:
            return self.own.secret
        if len(access_key_id) != len(self.own.access_key_id):
            return self.internal
        given = (role.secret_access_key for role in _roles() if role.access_key_id == access_key_id)
        return next(given, self.internal)

    def sign_internal_calls(self) -> None:
        """Let LocalStack's services sign with `internal`, not with a constant that everybody knows.

        Call it before the services are imported.
        """
        from localstack import constants  # noqa: PLC0415 - LocalStack is imported when its environment is set

        constants.INTERNAL_AWS_SECRET_ACCESS_KEY = self.internal


KEYS = Keys()


def _roles() -> Iterator[AssumedRole]:
    from moto.sts.models import sts_backends  # noqa: PLC0415 - as above

    for account in tuple(sts_backends.values()):
        for backend in tuple(account.values()):
            yield from reversed(backend.assumed_roles)
