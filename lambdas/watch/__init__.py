"""The Watch function."""
