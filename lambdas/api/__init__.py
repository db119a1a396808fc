"""The API function: its handler, and the routes of lookups, pages and runs."""
