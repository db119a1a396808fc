"""The address of the API as its caller sees it, and a curl command for a lookup."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

_NUMBERS = ("total_orders", "least_support")


def api_url(event: Mapping[str, Any]) -> str:
    """Return the address of the API that received an event; it ends with a slash.

    In the path of the request, the stage or the folder of a custom domain comes before the event's own path.
    """
    context = event["requestContext"]
    folder = context["path"].removesuffix(event["path"]).strip("/")
    return f"https://{context['domainName']}/{folder}{'/' if folder else ''}"


def curl_of(url: str, fields: Mapping[str, str], *, needs_key: bool) -> str:
    """Return the command that sends a filled form as `POST /voucher`; blank fields are left out."""
    body: dict[str, Any] = {name: value for name, value in fields.items() if value.strip()}
    for name in _NUMBERS:
        if body.get(name, "").isdecimal():
            body[name] = int(body[name])
    key = " -H 'x-api-key: …'" if needs_key else ""
    # The caller does not trust the certificate that an emulator signs itself.
    insecure = " -k" if url.startswith("https://localhost") else ""
    data = shlex.quote(json.dumps(body))
    return f"curl{insecure} -X POST {shlex.quote(f'{url}voucher')}{key} -H 'Content-Type: application/json' -d {data}"
