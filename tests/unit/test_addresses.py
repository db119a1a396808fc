"""The command that the form shows can be pasted into a shell, whatever was typed."""

import json
import subprocess

import pytest

from voucher_selection.api.addresses import curl_of

ADDRESS = "https://api.example/prod/"


def arguments(command: str) -> list[str]:
    """Return what a shell makes of the command's arguments."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    "typed", ["Peru", "Côte d'Ivoire", "'; touch /tmp/x; '", '"$(id)" `id` \\', "a\nb", "$HOME !! *"]
)
def test_a_shell_sends_what_was_typed(typed: str):
    command = curl_of(ADDRESS, {"country_code": typed, "total_orders": "15", "last_order_ts": " "}, needs_key=False)

    *first, data = arguments(command)

    assert first == ["-X", "POST", f"{ADDRESS}voucher", "-H", "Content-Type: application/json", "-d"]
    assert json.loads(data) == {"country_code": typed, "total_orders": 15}


def test_an_address_is_one_argument_of_the_shell():
    command = curl_of("https://api.example/$(id)/;a b/", {}, needs_key=True)

    assert arguments(command)[2:5] == ["https://api.example/$(id)/;a b/voucher", "-H", "x-api-key: …"]
