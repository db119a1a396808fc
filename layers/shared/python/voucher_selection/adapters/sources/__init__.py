"""A run's source: found, checked, and copied into the lake. Nothing is imported here: settings need only limits."""
