"""Where the API is, as the caller of a request sees it."""

import json
import shlex
from collections.abc import Mapping
from typing import Any


def api_url(event: Mapping[str, Any]) -> str:
    """Return the address of the API that an event was sent to, with a slash at its end.

    The event's own path is below it: what precedes that in the request's is the stage, or a custom domain's folder.
    """
    context = event["requestContext"]
    folder = context["path"].removesuffix(event["path"]).strip("/")
    return f"https://{context['domainName']}/{folder}{'/' if folder else ''}"


def curl_of(url: str, fields: Mapping[str, str], *, needs_key: bool) -> str:
    """Return the command that sends a filled form as `POST /voucher`; blank fields are left out."""
    body: dict[str, Any] = {name: value for name, value in fields.items() if value.strip()}
    if body.get("total_orders", "").isdecimal():
        body["total_orders"] = int(body["total_orders"])
    key = " -H 'x-api-key: …'" if needs_key else ""
    # What an emulator signs itself is not known to the caller.
    insecure = " -k" if url.startswith("https://localhost") else ""
    data = shlex.quote(json.dumps(body))
    return f"curl{insecure} -X POST {shlex.quote(f'{url}voucher')}{key} -H 'Content-Type: application/json' -d {data}"
