"""Logger and metrics are made once a process: with the names that the integration tests expect of them, too."""

import tests.integration.conftest  # noqa: F401
