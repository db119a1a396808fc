"""The figures of the load, at the end of pytest's summary."""

import pytest

FIGURES = "load"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == FIGURES:
                terminalreporter.write_line(f"{name}: {value}")
