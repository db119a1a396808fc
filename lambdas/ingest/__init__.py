"""The Ingest function."""
