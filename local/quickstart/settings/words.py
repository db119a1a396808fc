"""Settings of a stage in words for people."""

import hashlib
from collections.abc import Mapping


def shown(settings: Mapping[str, str]) -> str:
    """Return settings for people, in one line."""
    return " ".join(f"{name}={shown_value(name, text)}" for name, text in settings.items()) or "the defaults"


def shown_value(name: str, text: str) -> str:
    """Return a value for people: for a file its size and the start of its digest."""
    if name.endswith("_file") and text:
        return f"{len(text):,} bytes ({hashlib.sha256(text.encode()).hexdigest()[:8]})"
    return text or "empty"
