"""The Model function."""
