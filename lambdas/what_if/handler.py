"""The WhatIf function: computes from counts what another date or other segments would change, and writes nothing."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from voucher_selection.adapters.observability import observed
from voucher_selection.adapters.settings import WhatIfSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.pipeline.remodelling import make_what_if

settings = WhatIfSettings.from_environment()
stores = Stores.of(settings.bucket, settings.table)


@observed(traces_answer=False)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a `WhatIfRequest` with the model that it describes, and the segments that would change."""
    request = WhatIfRequest.parse(event)
    return make_what_if(datetime.now(UTC), request, stores, settings.cur_date).model_dump(mode="json")
