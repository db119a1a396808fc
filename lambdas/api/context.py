"""What the API's routes share: settings, the served model, and the services that some of them ask."""

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.settings import ApiSettings
from voucher_selection.api.model_cache import ModelCache

if TYPE_CHECKING:
    from voucher_selection.adapters.run_records import RunRecords
    from voucher_selection.adapters.state_machine import StateMachine
    from voucher_selection.api.what_if_function import WhatIfFunction

# Whoever waits for a service has a caller waiting: five seconds at most, and then what is known is served.
_QUICK = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# WhatIf may have to start, and to import pandas; a second try would be a second start.
_PATIENT = Config(connect_timeout=1, read_timeout=21, retries={"total_max_attempts": 1})


def _client(service: str, config: Config) -> Any:  # noqa: ANN401 - typed by whom it is given to
    # Not boto3's: without it the API starts faster.
    return botocore.session.get_session().create_client(service, config=config)


settings = ApiSettings.from_environment()
# SnapStart's snapshot is taken after these lines: all is imported, the client has not connected, and there is no model
# yet. One that was read here would be an old one whenever the snapshot is restored.
catalog = Catalog(settings.table, _client("dynamodb", _QUICK))
models = ModelCache(catalog, settings.model_refresh_seconds)


@cache
def state_machine() -> "StateMachine":
    """Return the pipeline's state machine."""
    from voucher_selection.adapters.state_machine import StateMachine  # noqa: PLC0415 - a lookup does without

    return StateMachine(settings.state_machine_arn, _client("stepfunctions", _QUICK))


@cache
def run_records() -> "RunRecords":
    """Return what runs have left of themselves."""
    from voucher_selection.adapters.run_records import RunRecords  # noqa: PLC0415 - see above

    return RunRecords(settings.bucket, _client("s3", _QUICK))


@cache
def what_if_function() -> "WhatIfFunction":
    """Return the function that computes what another date would change."""
    from voucher_selection.api.what_if_function import WhatIfFunction  # noqa: PLC0415 - see above

    return WhatIfFunction(settings.what_if_function, _client("lambda", _PATIENT))
