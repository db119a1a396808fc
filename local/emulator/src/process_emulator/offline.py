"""The environment in which LocalStack runs: offline, on the loopback interface, writing to one folder only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from process_emulator.settings import HOST, PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from process_emulator.settings import Settings

START_SECONDS = 60
"""How long LocalStack lets an execution environment start: a first import of pandas compiles it."""

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
"""With the certificates, how functions reach the internet."""

_INHERITED = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "DEBUG", "NO_PROXY", "no_proxy", "LD_LIBRARY_PATH"}
_INHERITED |= {*CERTIFICATE_VARIABLES, *PROXY_VARIABLES}
_INHERITED_PREFIXES = (PREFIX, "LAMBDA_", "LC_", "LS_", "PYTHON")


def inherited_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the emulator takes of the environment it is started in: nothing of AWS, no keys of other services.

    `LS_LOG`, `DEBUG` and `LAMBDA_…` are LocalStack's own settings.
    """
    return {
        name: value for name, value in environment.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }


def offline_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set before LocalStack is imported.

    They name our plugins, keep LocalStack away from the internet (certificate, analytics, DNS server) and from the
    user's configuration of AWS, and keep its files in the state folder, also where it takes a machine for a container.
    """
    return {
        "GATEWAY_LISTEN": f"{HOST}:{settings.port}",
        "LOCALSTACK_HOST": f"localhost:{settings.port}",
        "GATEWAY_SERVER": "loopback",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "OVERRIDE_IN_DOCKER": "0",
        "CONFIG_DIR": str(settings.state / "localstack"),  # not ~/.localstack, with a user's settings of another one
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BOTO_CONFIG": os.devnull,
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


def stay_with_loopback_names() -> None:
    """Let LocalStack's services find S3 at `localhost`: they would ask the internet for a name that leads here."""
    from localstack.utils.aws import aws_stack  # noqa: PLC0415 - LocalStack is imported when its environment is set

    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False
