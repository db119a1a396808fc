"""The questions about counts that the API passes to the WhatIf function."""

WHAT_IF, BEST_RANGES = QUESTIONS = ("what_if", "best_ranges")
"""What another model would change, and which ranges of a measure are best."""
