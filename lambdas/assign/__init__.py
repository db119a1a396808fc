"""The Assign function."""
