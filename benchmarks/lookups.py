"""How fast lookups are: in the handler, and over HTTP beside peers on PostgreSQL: `python -m benchmarks.lookups`.

It starts the quickstart's emulator if it is not up, PostgreSQL in a folder of its own if its binaries are there, and
writes `docs/lookups.md`. It takes about five minutes.
"""

import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks import cold_imports
from benchmarks.handler_calls import customers
from benchmarks.ports import free_port
from infra_cdk import environments
from infra_cdk.stages import stage as stage_named
from layers.build.wheels import uv

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/lookups.md"
PEERS = ROOT / ".tools/peers"
CONNECTIONS = (1, 16)
ROUNDS, SECONDS = 3, 3.0

NAMES = {
    "emulator": "ours, in the emulator",
    "ours": "our handler, uvicorn",
    "fastapi": "FastAPI, uvicorn, PostgreSQL",
    "flask": "Flask, waitress, PostgreSQL",
}


class Load(NamedTuple):
    """What one server answered in one round: requests per second, and latencies in ms."""

    rate: float
    p50: float
    p99: float


def main() -> None:
    """Measure everything, print it, and write the page."""
    started, load_before = time.monotonic(), os.getloadavg()[0]
    handler = json.loads(_output([sys.executable, "-m", "benchmarks.handler_calls"]))
    with ExitStack() as running:
        servers = _servers(running)
        served = {name: _served_alike(url) for name, url in servers.items()}
        if len({json.dumps(answers) for answers in served.values()}) > 1:
            raise RuntimeError(f"the servers do not answer alike: {served}")
        loads = _measure(servers)
    starts = cold_imports.measure()
    machine = (
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()};"
        f" load average {load_before:.1f} before and {os.getloadavg()[0]:.1f} after, {time.monotonic() - started:.0f} s"
    )
    page = _page(handler, loads, cold_imports.as_table(starts), machine)
    PAGE.write_text(page, encoding="utf-8")
    print(page)


def _servers(running: ExitStack) -> dict[str, str]:
    """Start what can be started, and return where `POST /voucher` is by name."""
    deployed = running.enter_context(_emulator())
    endpoint = deployed["endpoint_url"]
    servers = {"emulator": endpoint + urlsplit(deployed["api_url"]).path + "voucher"}
    _install_peers()
    stage, stores = stage_named("local"), environments.Stores(deployed["bucket"], deployed["table"])
    ours = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": deployed["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": deployed["secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
        **environments.powertools(stage, "api", "VoucherSelection"),
        **environments.api(stage, stores, state_machine_arn=deployed["state_machine_arn"], what_if_function="none"),
    }
    servers["ours"] = running.enter_context(_server("ours", ours))
    if database := running.enter_context(_postgres()):
        criteria = _get(urlsplit(servers["emulator"].removesuffix("voucher") + "selection_criteria"))
        peer = {"PEER_DATABASE": database}
        _output([_peers_python(), "-m", "benchmarks.lookup_servers", "fill", criteria], peer)
        for name in ("fastapi", "flask"):
            servers[name] = running.enter_context(_server(name, peer))
    return servers


@contextmanager
def _emulator() -> Iterator[dict[str, Any]]:
    """Yield the quickstart's deployment; stop it afterwards if it had to be started."""
    command = [str(ROOT / "quickstart"), "status", "--json"]
    was_up = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not was_up:
        _output([str(ROOT / "quickstart"), "run", "-d"])
    try:
        yield json.loads(_output(command))
    finally:
        if not was_up:
            _output([str(ROOT / "quickstart"), "stop"])


def _install_peers() -> None:
    _output([uv(), "venv", "--quiet", "--allow-existing", str(PEERS)])
    lock = str(ROOT / "requirements/peers.txt")
    _output([uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", str(PEERS), lock])


def _peers_python() -> str:
    return str(PEERS / "bin/python")


@contextmanager
def _server(name: str, settings: dict[str, str]) -> Iterator[str]:
    port = free_port()
    command = [_peers_python(), "-m", "benchmarks.lookup_servers", name, str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/voucher"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not listen on port {port} within {seconds:g} s: its error is above")


@contextmanager
def _postgres() -> Iterator[str | None]:
    """Yield a PostgreSQL on a socket in its own folder; None if it has no binaries here. It does not run as root."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb")]
    if found[-1] is None and len(found) == 1:
        yield None
        return
    binaries = Path(next(path for path in reversed(found) if path)).parent
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="peer-") as work:
        if user:
            shutil.chown(work, user)
        data = f"{work}/data"
        initdb = [str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "peer", "--no-sync"]
        subprocess.run(initdb, user=user, check=True, stdout=subprocess.DEVNULL, cwd=work)
        command = [str(binaries / "postgres"), "-D", data, "-k", work, "-c", "listen_addresses="]
        process = subprocess.Popen(command, user=user, cwd=work, stderr=subprocess.DEVNULL)
        try:
            while not Path(work, ".s.PGSQL.5432").exists():
                if process.poll() is not None:
                    raise RuntimeError(f"PostgreSQL ended with code {process.returncode}")
                time.sleep(0.1)
            yield f"host={work} user=peer dbname=postgres"
        finally:
            process.terminate()
            process.wait()


def _served_alike(url: str) -> list[tuple[float, str]]:
    connection, path = _connected(url)
    return [
        (answer["voucher_amount"], answer["segment"])
        for answer in (json.loads(_post(connection, path, body)) for body in _bodies(30))
    ]


def _measure(servers: dict[str, str]) -> dict[tuple[str, int], Load]:
    """Load every server in turn, several rounds, and return the medians of its rounds."""
    rounds: dict[tuple[str, int], list[Load]] = {}
    for connections in CONNECTIONS:
        for url in servers.values():
            _load(url, connections)  # what starts with the first requests has started
        for _ in range(ROUNDS):
            for name, url in servers.items():
                rounds.setdefault((name, connections), []).append(_load(url, connections))
    return {key: Load(*map(median, zip(*found, strict=True))) for key, found in rounds.items()}


def _load(url: str, connections: int) -> Load:
    """Ask over that many kept connections, each one request at a time, for `SECONDS`."""
    deadline = time.perf_counter() + SECONDS
    bodies = _bodies(500)

    def ask(first: int) -> list[float]:
        connection, path = _connected(url)
        times, number = [], first
        while time.perf_counter() < deadline:
            started = time.perf_counter()
            _post(connection, path, bodies[number % len(bodies)])
            times.append((time.perf_counter() - started) * 1e3)
            number += 1
        connection.close()
        return times

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        asked = [threads.submit(ask, 37 * number) for number in range(connections)]
        times = sorted(taken for future in asked for taken in future.result())
    rate = len(times) / (time.perf_counter() - started)
    return Load(rate, times[len(times) // 2], times[int(len(times) * 0.99)])


def _bodies(count: int) -> list[str]:
    return [json.dumps(customer) for customer in customers(count)]


def _connected(url: str) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60), parts.path


def _post(connection: http.client.HTTPConnection, path: str, body: str) -> bytes:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(
            f"expected 200 from {connection.host}:{connection.port}, got {answer.status}: {content[:300]!r}"
        )
    return content


def _get(url: Any) -> str:  # noqa: ANN401 - what urlsplit returns
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request("GET", url.path)
    return connection.getresponse().read().decode()


def _output(command: list[str], settings: dict[str, str] | None = None) -> str:
    environment = os.environ | (settings or {})
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def _page(handler: dict[str, dict[str, float]], loads: dict[tuple[str, int], Load], starts: str, machine: str) -> str:
    return f"""# Lookups: how fast

    ./quickstart bench lookups

measures lookups and writes this page. Measured with {machine}.
Each figure is the median of several rounds in which the candidates take turns. Other processes of the machine prolong
wall times: compare CPU times, and ratios within one run.

## In the handler
The whole warm handler as Lambda calls it, with Powertools and its line of metrics. A lookup does no I/O.

| | wall p50 | wall p99 | CPU p50 | CPU p99 |
|---|--:|--:|--:|--:|
{_handler_row("`POST /voucher`, ms", handler["single"], 3)}
{_handler_row("`POST /vouchers` with 1,000 customers, ms", handler["bulk"], 1)}

## Over HTTP
Distinct customers on kept connections, one process for each server, all on this machine. The client uses processor
time too. The peers ask PostgreSQL on a Unix socket once per lookup. *Ours, in the emulator* is the deployed API; the
emulator's gateway and its scheduling of functions are made for tests and differ from AWS. *Our handler, uvicorn* is the
same handler in the peers' server, one request at a time. At 16 connections the client, one Python process, limits all
servers except the emulator: these figures show that a server keeps up with the client, not its own limit.

{_http_table(loads)}

## Cold starts
The imports of a function before its first request, with the deployed packages. On AWS the API starts from a snapshot
that has all imports in memory ([the API](api.md#where-the-model-comes-from)): it spends this time when a version is
published. `./quickstart bench cold_imports` measures this table alone.

{starts}
"""


def _handler_row(name: str, quantiles: dict[str, float], digits: int) -> str:
    cells = (quantiles[key] / 1e3 for key in ("wall_p50", "wall_p99", "cpu_p50", "cpu_p99"))
    return f"| {name} | {' | '.join(f'{cell:.{digits}f}' for cell in cells)} |"


def _http_table(loads: dict[tuple[str, int], Load]) -> str:
    rows = [
        "| server | connections | requests/s | p50 ms | p99 ms | requests/s, FastAPI = 1 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for (name, connections), load in loads.items():
        peer = loads.get(("fastapi", connections))
        ratio = f"{load.rate / peer.rate:.2f}" if peer else "no PostgreSQL here"
        rows.append(f"| {NAMES[name]} | {connections} | {load.rate:,.0f} | {load.p50:.1f} | {load.p99:.1f} | {ratio} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
