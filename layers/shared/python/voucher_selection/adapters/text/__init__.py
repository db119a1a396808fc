"""Text files: CSV and JSON lines, recognised by their beginning and read in blocks."""
