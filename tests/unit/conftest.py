"""Logger and metrics are made once a process: with the names that the integration tests expect of them, too."""

import pytest

from tests.integration.conftest import ENVIRONMENT

with pytest.MonkeyPatch.context() as environment:
    for name, value in ENVIRONMENT.items():
        environment.setenv(name, value)
    import voucher_selection.observability  # noqa: F401
