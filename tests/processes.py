"""Which tests go to the same of pytest-xdist's processes: those that share what takes long to set up.

Marks would say it where the tests are (`xdist_group`), but pytest-xdist 3.8 does not see them with pytest 9.2.
"""

from xdist.scheduler import LoadScopeScheduling

# How their ids begin, the first that fits: `product` and `browser` have a deployment each, `keyed` one with a key.
# The others share what a fixture makes once in a process: stages that are synthesized, a run of everything.
_SHARED = {
    "tests/browser/test_api_key.py": "keyed",
    "tests/e2e/test_terminal.py::test_a_deployment_with_an_api_key_is_asked_with_it": "keyed",
    "tests/e2e/test_terminal.py::test_settings_that_are_deployed_stay_until_they_are_reset": "keyed",
    "tests/e2e/test_prove.py": "keyed",
    "tests/e2e/test_up_and_down.py::test_stop_leaves_no_process_behind": "keyed",
    "tests/browser/": "browser",
    # These change nothing in a deployment; with the others they would end last of all.
    "tests/e2e/test_api_contract.py": "browser",
    "tests/e2e/test_bulk_lookups.py": "browser",
    "tests/e2e/": "product",
    "tests/load/test_running_api.py": "browser",
    "tests/faults/test_malformed_files.py": "corpus",
    "tests/load/test_handler.py": "handler",
    "tests/concurrency/test_publish_interleavings.py": "interleavings",
    "tests/concurrency/test_run_interleavings.py": "interleavings of runs",
    "tests/infrastructure/": "infrastructure",
    "tests/integration/test_tables.py": "tables",
    "tests/unit/test_measured_segmentations.py": "segmentations",
    "tests/unit/test_real_history.py": "real history",
}


class ByDeployment(LoadScopeScheduling):
    """Gives all tests that share something to one process, and every other test to any."""

    def _split_scope(self, nodeid: str) -> str:
        return next((shared for path, shared in _SHARED.items() if nodeid.startswith(path)), nodeid)
