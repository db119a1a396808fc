"""Clients of moto's AWS, made once and used by one test after the other.

Every test has an AWS of its own, and its functions start anew: each makes its clients. That was a sixth of the time of
these tests. A client knows nothing of what it is a client of but its address, and moto has one AWS after the other at
the same address.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session
from botocore.config import Config

type Key = tuple[str, ...]


@dataclass
class Lent:
    """A client that is in use, what it was made with, and what it was when it was made."""

    client: Any
    made_with: Key
    attributes: dict[str, Any]
    is_altered: bool = False

    def watch(self) -> None:
        """Notice who registers for the client's events, or no longer does: tests count requests, and inject faults."""
        events = self.client.meta.events._emitter
        for name in ("_register_section", "unregister"):
            setattr(events, name, self._noticed(getattr(events, name)))

    def _noticed(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **named: Any) -> Any:
            self.is_altered = True
            return change(*arguments, **named)

        return changed

    @property
    def is_as_new(self) -> bool:
        return not self.is_altered and vars(self.client) == self.attributes


@dataclass
class Clients:
    """Lends clients. Whoever asks for a client while another is lent gets another, as from boto3."""

    free: defaultdict[Key, list[Lent]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Lend the clients that are asked for in the block, until its end; those that a test has altered are lost."""
        in_use: list[Lent] = []
        whole_client, whole_session = boto3.client, botocore.session.get_session

        def lend(make: Callable[..., Any], maker: str, *arguments: Any, **named: Any) -> Any:
            made_with = (maker, *_told(arguments, named), *_environment())
            if not self.free[made_with]:
                client = make(*arguments, **named)
                self.free[made_with].append(lent := Lent(client, made_with, dict(vars(client))))
                lent.watch()
            in_use.append(self.free[made_with].pop())
            return in_use[-1].client

        def session(*arguments: Any, **named: Any) -> Any:
            return _Session(lambda: whole_session(*arguments, **named), lend)

        def made_by_boto3(*arguments: Any, **named: Any) -> Any:
            with patch.object(botocore.session, "get_session", whole_session):
                return whole_client(*arguments, **named)

        def client(*arguments: Any, **named: Any) -> Any:
            return lend(made_by_boto3, "boto3.client", *arguments, **named)

        with patch.object(boto3, "client", client), patch.object(botocore.session, "get_session", session):
            yield
        for lent in in_use:
            if lent.is_as_new:
                self.free[lent.made_with].append(lent)


class _Session:
    """A session of botocore: to make one takes as long as to make a client, and most are asked for only that."""

    def __init__(self, make: Callable[[], botocore.session.Session], lend: Callable[..., Any]) -> None:
        vars(self).update(_make=make, _lend=lend, _made=None)

    @property
    def _whole(self) -> botocore.session.Session:
        if self._made is None:
            vars(self).update(_made=self._make())
        return self._made

    def create_client(self, *arguments: Any, **named: Any) -> Any:
        # boto3 gives its sessions another name before it asks for a client.
        maker = "Botocore" if self._made is None else self._made.user_agent_name
        return self._lend(self._new_client, maker, *arguments, **named)

    def _new_client(self, *arguments: Any, **named: Any) -> Any:
        return self._whole.create_client(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._whole, name, value)


def _told(arguments: tuple[Any, ...], named: dict[str, Any]) -> Iterator[str]:
    """Tell two clients apart by what they are asked for with."""
    for name, value in [*enumerate(arguments), *sorted(named.items())]:
        yield f"{name}={value._user_provided_options if isinstance(value, Config) else value!r}"


def _environment() -> Iterator[str]:
    """Tell what of the environment a client reads."""
    return (f"{name}={value}" for name, value in os.environ.items() if name.startswith("AWS_"))
