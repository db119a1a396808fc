"""The Inbox function."""
