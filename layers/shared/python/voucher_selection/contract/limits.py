"""Limits that are checked when a stage is deployed and again when a function reads a setting or a request."""

MOST_COUNTRIES = 300
MOST_NULL_DATES = 100
"""Both travel in each item of the map of shards and in the results of states, which have at most 256 KiB."""

MOST_FILES = 500
MOST_CHARACTERS_OF_FILES = 60_000
"""The most names of files in a run's input, and their characters. JSON may write a character with six."""

MOST_RANGES = 10
"""The most ranges that are looked for."""

LEAST_KEPT_VERSIONS = 2
"""A rollback needs the served version and the one before it."""

MOST_TEXT_BYTES = 4 * 1024**3
"""How many bytes of CSV and JSON lines, decompressed, a run reads. Ingest reads them within its time."""

MOST_UPLOAD_BYTES = 5 * 1024**3
"""The largest object that S3 takes in one request."""

MOST_BODY_BYTES = 1024 * 1024
"""The largest body of a request to the API."""

NO_ZONES = ("Factory", "localtime", "posixrules")
"""What some machines have among their time zones: it is no zone, or a different one on each machine."""
