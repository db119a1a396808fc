"""The size of an answer of Lambda, and how much of a model's quality fits into one."""

import json

from voucher_selection.domain.quality_document import Quality, last_months

LARGEST_ANSWER = 6_000_000
"""In bytes. Lambda answers with 6 MiB at most, and the API's function puts its answer, as text, into JSON again."""
LARGEST_QUALITY = 3_500_000
"""In bytes. `GET /model` has it all in its first part, with at least one segment and all its amounts."""
MOST_AMOUNTS = LARGEST_ANSWER // len('{"voucher_amount": 1.0, "count": 1}, ')
"""So many amounts are too many for an answer, whatever their values."""
# How many months of a model's quality are tried: as many as fit.
_MONTHS = (120, 60, 36, 24, 12, 6, 3, 1, 0)


def answer_size(content: object) -> int:
    """Return the size in bytes of an answer: JSON that Lambda puts, as text, into JSON."""
    return len(json.dumps(json.dumps(content)))


def fitting_quality(quality: Quality) -> Quality:
    """Return how good a model is, with as many months as fit into `LARGEST_QUALITY`."""
    for months in _MONTHS:
        fitting = last_months(quality, months)
        if answer_size(fitting) <= LARGEST_QUALITY:
            break
    return fitting
