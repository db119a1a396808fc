"""PostgreSQL as the public solutions use it: load the file into a table, and clean and count with SQL.

The server is one of this process's own: on a socket in a temporary folder, with the defaults of its installation.
"""

import contextlib
import getpass
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.answer import Answer

_CLEANED = """
    CREATE TABLE cleaned AS
    WITH parsed AS (
        SELECT timestamp::timestamp AS assigned_at, nullif(trim(last_order_ts), '')::timestamp AS last_order,
            first_order_ts, nullif(trim(total_orders), '')::double precision AS orders, voucher_amount
        FROM history WHERE country_code = %s
    )
    SELECT *, CASE
        WHEN orders < 0 OR orders <> floor(orders) OR voucher_amount < 0 THEN 'malformed'
        WHEN orders = 0 AND (last_order IS NOT NULL OR first_order_ts IS NOT NULL) THEN 'zero_orders_with_dates'
        WHEN last_order < first_order_ts THEN 'last_before_first'
        WHEN orders IS NULL THEN 'null_total_orders'
        WHEN voucher_amount IS NULL THEN 'null_voucher_amount'
    END AS rule
    FROM parsed
"""

_VALUES = {
    "total_orders": "orders",
    "days_since_last_order": "(last_order::date - date '1970-01-01')",
    "days_since_last_order_when_given": "(assigned_at::date - last_order::date)",
    "months_since_first_order": "(date_trunc('month', first_order_ts)::date - date '1970-01-01')",
}


def available() -> bool:
    """Tell whether the server's programs are installed."""
    return bool(_program("initdb"))


def count(file: Path, country: str) -> Answer:
    """Load the history, and clean and count it; within `session`."""
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        _load(connection, file)
        connection.execute(_CLEANED, [country])
        rejected = dict(connection.execute("SELECT rule, count(*) FROM cleaned GROUP BY 1").fetchall())
        counts = [
            row
            for measure, value in _VALUES.items()
            for row in connection.execute(
                f"SELECT assigned_at::date - date '1970-01-01', '{measure}', {value}, voucher_amount, count(*)"
                f" FROM cleaned WHERE rule IS NULL AND {value} IS NOT NULL GROUP BY 1, 3, 4"
            ).fetchall()
        ]
        return Answer(rejected.pop(None, 0), rejected, counts)


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Run a server that `count` finds; what it takes to start is not counted."""
    # It refuses to run as root; where we are root, it runs as the user that its package made.
    root = os.geteuid() == 0
    user = "postgres" if root else getpass.getuser()
    account = pwd.getpwnam(user)
    identity: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if root else {}
    with TemporaryDirectory(prefix="bench-") as folder, Path(folder, "server.log").open("wb") as log:
        os.chown(folder, account.pw_uid, account.pw_gid)
        os.environ |= {"PGHOST": folder, "PGUSER": user}
        data = f"{folder}/data"
        initdb = [_program("initdb"), "-D", data, "-U", user, "-A", "trust"]
        subprocess.run(initdb, check=True, stdout=log, stderr=log, cwd=folder, **identity)
        postgres = [_program("postgres"), "-D", data, "-k", folder, "-c", "listen_addresses="]
        server = subprocess.Popen(postgres, stdout=log, stderr=log, cwd=folder, **identity)
        try:
            _wait_for_server()
            yield
        finally:
            server.terminate()
            server.wait(60)


def _load(connection: psycopg.Connection, file: Path) -> None:
    connection.execute(
        "CREATE TABLE history (timestamp text, country_code text, last_order_ts text, first_order_ts timestamp,"
        " total_orders text, voucher_amount double precision)"
    )
    names = ["timestamp", "country_code", "last_order_ts", "first_order_ts", "total_orders", "voucher_amount"]
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY history ({', '.join(names)}) FROM STDIN (FORMAT csv)") as copy,
    ):
        for batch in pq.ParquetFile(file).iter_batches(65_536, columns=names):
            rows = pa.BufferOutputStream()
            csv.write_csv(batch, rows, csv.WriteOptions(include_header=False))
            copy.write(rows.getvalue().to_pybytes())


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ["PATH"]])) or ""


def _wait_for_server() -> None:
    for _ in range(200):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(dbname="postgres").close()
            return
        time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")
