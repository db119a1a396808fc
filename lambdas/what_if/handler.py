"""The WhatIf function: answers questions about counts, like what another date would change, and writes nothing."""

from datetime import UTC, datetime
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.adapters.observability import observed
from voucher_selection.adapters.settings import WhatIfSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.pipeline.asking import answer_of

settings = WhatIfSettings.from_environment()
stores = Stores.of(settings.bucket, settings.table)


class WhatIfEvent(BaseModel):
    """A question of the API, and its request, not yet parsed."""

    question: Literal["what_if", "best_ranges"]
    request: Any


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a question about counts."""
    task = WhatIfEvent.model_validate(event)
    answer = answer_of(task.question, task.request, datetime.now(UTC), stores, settings.cur_date)
    return answer.model_dump(mode="json")
