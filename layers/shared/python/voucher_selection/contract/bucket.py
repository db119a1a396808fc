"""The prefixes of the lake's bucket, and the objects of a run that the state machine writes."""

UPLOADS = "uploads"
INBOX = "inbox"
INBOX_RESULTS = "inbox-results"
RAW, RUNS, STAGING, QUARANTINE, PRODUCTION, ASSIGNED = RUN_PREFIXES = (
    "raw",
    "runs",
    "staging",
    "quarantine",
    "production",
    "assigned",
)
"""The prefixes that runs write to. Users write to `UPLOADS` and `INBOX`, and read `INBOX_RESULTS`."""

MAP_RESULTS = f"{RUNS}/map"
"""The folder of the state machine's records of each map of shards. Nothing reads them."""

SETTLED = f"{RUNS}/inbox"
"""The folder of the marks of what became of objects of the inbox: one for each object that needs no run any more."""

COUNTS, MODES, VOUCHERS = "counts", "segment_modes", "vouchers"
"""Folders of a run in `PRODUCTION` and `ASSIGNED`. Each has parquet files of one kind, so that it can be a table."""

TEXTS = "texts"
"""The folder of a run in `STAGING` with the rows of its CSV files and JSON lines as parquet."""

CSV_VOUCHERS = "vouchers_csv"
"""The folder of the same amounts as `VOUCHERS` in a run that writes CSV: no table is over it."""

SUMMARY = "run.json"
FAILURES = "failures"
"""The record of a run, and the folder of the records of its failed shards: both in the run's folder in `RUNS`."""


def run_folder(prefix: str, run_id: str) -> str:
    """Return the folder of a run below a prefix, without a slash at the end."""
    return f"{prefix}/run_id={run_id}"
