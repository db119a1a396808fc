"""The repair of LocalStack's search for a free environment."""

from __future__ import annotations

from process_emulator.assignment import Environments


def test_environments_may_be_added_while_one_goes_through_them() -> None:
    environments = Environments(first=1)

    seen = []
    for environment in environments.values():
        environments[f"added-{environment}"] = 2
        seen.append(environment)

    assert seen == [1]
    assert len(environments) == 2
