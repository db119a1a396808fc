"""Many lookups at once, from one model: each customer gets an amount or a problem."""

from collections import Counter
from typing import Annotated, TypedDict, cast

from pydantic import Field

from voucher_selection.api.problems import ProblemFacts, problem_of
from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.lookups import InvalidLookup, LookupRequest, Voucher, voucher_for
from voucher_selection.domain.model import Model
from voucher_selection.domain.model_document import ServedBy, served_by
from voucher_selection.domain.validation import FieldProblem

MOST_CUSTOMERS = 1_000


class Refusal(TypedDict):
    """The entry of a customer without an amount."""

    problem: ProblemFacts
    customer_id: Annotated[int | str | None, Field(description="Returned unchanged if it is an integer or text")]


class BulkAnswer(TypedDict):
    """The answer of `POST /vouchers`: one entry per customer, in their order."""

    model: ServedBy
    vouchers: list[Voucher | Refusal]


def customers_of(body: object) -> list[object]:
    """Return the customers in the body of `POST /vouchers`, not yet checked.

    Raises
    ------
    InvalidLookup
        The body is not an object, or its `customers` is not a list of 1 to `MOST_CUSTOMERS`.
    """
    expected = f"expected a list of 1 to {MOST_CUSTOMERS:,} customers"
    if not isinstance(body, dict):
        raise InvalidLookup([FieldProblem("", "expected an object with a list of customers")])
    customers = body.get("customers")
    if not isinstance(customers, list):
        raise InvalidLookup([FieldProblem("customers", expected)])
    if not 1 <= len(customers) <= MOST_CUSTOMERS:
        raise InvalidLookup([FieldProblem("customers", f"{expected}, got {len(customers):,}")])
    return customers


def look_up_all(model: Model, customers: list[object], fallback: Fallback = ONLY_SEGMENTS) -> BulkAnswer:
    """Return one entry per customer, in order, as `POST /vouchers` returns them.

    Each entry is a `POST /voucher` answer without `model` (given once at the top), or a `problem`. `fallback` is that
    of customers who name none.
    """
    return {"model": served_by(model), "vouchers": [_entry(model, customer, fallback) for customer in customers]}


def refusals(answer: BulkAnswer) -> Counter[str]:
    """Return the number of customers with each problem, by its code."""
    refused = (cast("Refusal", entry) for entry in answer["vouchers"] if "problem" in entry)
    return Counter(refusal["problem"]["code"] for refusal in refused)


def _entry(model: Model, customer: object, fallback: Fallback) -> Voucher | Refusal:
    try:
        return voucher_for(model, LookupRequest.parse(customer, model.time_zone), fallback)
    except VoucherSelectionError as error:
        return {"problem": problem_of(error).facts(), "customer_id": _customer_id(customer)}


def _customer_id(customer: object) -> int | str | None:
    """Return the id of a customer who could not be read, if it is an integer or text."""
    found = customer.get("customer_id") if isinstance(customer, dict) else None
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None
