"""Parquet files of a source: read and checked, in memory that does not grow with them; and rows written to disk."""
