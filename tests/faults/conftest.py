"""The figures of the corpus, at the end of pytest's summary."""

import pytest

FIGURES = "malformed files"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == FIGURES:
                terminalreporter.write_line(f"{name}: {value}")
