"""Objects that the API's routes share: settings, the served model, and clients of the services that some routes use."""

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
    from voucher_selection.adapters.uploads import Uploads
    from voucher_selection.api.what_if_function import WhatIfFunction

# A caller waits while the API asks a service: after at most five seconds, the API serves the model that it knows.
_QUICK = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# WhatIf may have to start and import pandas; a second try would start it a second time.
_PATIENT = Config(connect_timeout=1, read_timeout=21, retries={"total_max_attempts": 1})


def _client(service: str, config: Config, endpoint: str | None = None) -> Any:  # noqa: ANN401 - the receiver has its type
    # botocore and not boto3, so that the API starts faster.
    return botocore.session.get_session().create_client(service, config=config, endpoint_url=endpoint)


settings = ApiSettings.from_environment()
fallback = settings.default_fallback
# SnapStart takes its snapshot after these lines: everything is imported, but the client has not connected, and no model
# is read. A model in the snapshot would be old whenever the snapshot is restored.
catalog = Catalog(settings.table, _client("dynamodb", _QUICK))
models = ModelCache(catalog, settings.model_refresh_seconds)


@cache
def state_machine() -> "StateMachine":
    """Return the pipeline's state machine."""
    from voucher_selection.adapters.state_machine import StateMachine  # noqa: PLC0415 - lookups do not need it

    return StateMachine(settings.state_machine_arn, _client("stepfunctions", _QUICK))


@cache
def run_records() -> "RunRecords":
    """Return the reader of the runs' `run.json`."""
    from voucher_selection.adapters.run_records import RunRecords  # noqa: PLC0415 - see above

    return RunRecords(settings.bucket, _client("s3", _QUICK))


@cache
def uploads() -> "Uploads":
    """Return the uploads of callers, which go past the API."""
    from voucher_selection.adapters.uploads import Uploads, signing  # noqa: PLC0415 - see above

    endpoint = settings.uploads_endpoint
    return Uploads(settings.bucket, _client("s3", _QUICK), _client("s3", signing(endpoint), endpoint))


@cache
def what_if_function() -> "WhatIfFunction":
    """Return the WhatIf function, which computes what another date or other segments would change."""
    from voucher_selection.api.what_if_function import WhatIfFunction  # noqa: PLC0415 - see above

    return WhatIfFunction(settings.what_if_function, _client("lambda", _PATIENT))
