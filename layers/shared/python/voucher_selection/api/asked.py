"""A form that asks the WhatIf function: as it was sent, with its answer or what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from voucher_selection.domain.errors import VoucherSelectionError


class Form(Protocol):
    """A form of a page: whether a person sent it, and a message for each invalid field."""

    @property
    def is_sent(self) -> bool:
        """Whether a person sent the form."""

    @property
    def errors(self) -> Mapping[str, str]:
        """The messages, by field."""


class Asked[AnyForm](NamedTuple):
    """A form, with the function's answer, or a message of no field."""

    form: AnyForm
    answer: dict[str, Any] | None = None
    notice: str | None = None


def asked[AnyForm: Form](form: AnyForm, ask: Callable[[AnyForm], dict[str, Any]]) -> Asked[AnyForm]:
    """Ask what a form asks, if a person sent it without errors."""
    if not form.is_sent or form.errors:
        return Asked(form)
    try:
        return Asked(form, answer=ask(form))
    except VoucherSelectionError as error:
        return Asked(form, notice=str(error))
