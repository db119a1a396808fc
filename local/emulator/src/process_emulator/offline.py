"""The environment in which LocalStack runs: offline, on the loopback interface, writing to one folder only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from process_emulator.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from process_emulator.settings import Settings

START_SECONDS = 60
"""How long LocalStack lets an execution environment start: a first import of pandas compiles it."""


def offline_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set before LocalStack is imported.

    They name our plugins, keep LocalStack away from the internet (certificate, analytics, DNS server) and keep its
    files in the state folder, also where it takes a machine for a container.
    """
    return {
        "GATEWAY_LISTEN": f"{HOST}:{settings.port}",
        "LOCALSTACK_HOST": f"localhost:{settings.port}",
        "GATEWAY_SERVER": "loopback",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(settings.state / "localstack"),
        "XDG_CACHE_HOME": str(settings.state / "cache"),
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": str(START_SECONDS),
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
        "NO_PROXY": no_proxy(inherited),
        "no_proxy": no_proxy(inherited),
    }


def no_proxy(inherited: Mapping[str, str]) -> str:
    """Return NO_PROXY with this machine added: a proxy must not see what is sent to the emulator."""
    hosts = [host for host in (inherited.get("NO_PROXY") or inherited.get("no_proxy") or "").split(",") if host]
    return ",".join(dict.fromkeys([*hosts, HOST, "localhost"]))
