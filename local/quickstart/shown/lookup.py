"""What the quickstart shows of the answer to a lookup."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from local.quickstart.machine.terminal import console, notices
from voucher_selection.domain.wording import amount


def show_voucher(answer: Mapping[str, Any]) -> None:
    """Print the answer to a lookup as a sentence."""
    whom = f"Customer {answer['customer_id']}" if answer["customer_id"] is not None else "The customer"
    basis = escape(answer["country_code"])
    if answer["basis"] == "segment":
        basis = f"segment {escape(answer['segment'])} of {escape(answer['segment_name'])} in {basis}"
    console.print(
        f"{whom} gets a voucher of [bold green]{amount(answer['voucher_amount'])}[/]: the amount used most in {basis},"
        f" {answer['share']:.1%} of {answer['support']:,}."
    )
    if answer["basis"] == "country":
        segment = answer["segment"]
        why = f"segment {segment} has too little support" if segment else "the customer is in no segment"
        console.print(f"The country's amount: {why} of {answer['segment_name']}.", markup=False)
    console.print(f"From model {answer['model']['version']}, CUR_DATE {answer['model']['cur_date']}", style="dim")


def show_problem(problem: Mapping[str, Any]) -> None:
    """Print why a lookup has no answer, with each field that is invalid."""
    errors = problem.get("errors", [])
    lines = [f"{error['field']}: {error['detail']}" for error in errors]
    if not errors:
        lines = [str(problem.get("detail") or problem.get("message") or problem)]
    heading = " ".join(str(problem[name]) for name in ("status", "code") if name in problem)
    for line in [f"no voucher ({heading})" if heading else "no voucher", *(f"  {line}" for line in lines)]:
        notices.print(line, style="red", markup=False)
