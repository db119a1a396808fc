"""The Clean function."""
