"""Where the data contract says what a column of a sent file is, for messages about a file that is refused.

The contract is contract.odcs.yaml at the top of the repository. `./quickstart docs --generate` makes it from the code,
and with it the lines in data_contract_lines.json.
"""

import json
from pathlib import Path

CONTRACT = "contract.odcs.yaml"
LINES = Path(__file__).with_name("data_contract_lines.json")
HISTORY, CUSTOMERS = "history", "customers"
"""The schemas of the contract that are of sent files."""


def place(schema: str, column: str) -> str:
    """Return the place of a column in the contract: `contract.odcs.yaml, line 60`. Called for a refused file only."""
    lines = json.loads(LINES.read_text(encoding="utf-8"))
    return f"{CONTRACT}, line {lines[schema][column]}"
