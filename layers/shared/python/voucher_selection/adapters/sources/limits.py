"""What may be fetched from HTTPS; kept apart from addresses, so that settings need not know how these are read."""

from typing import NamedTuple


class HttpsLimits(NamedTuple):
    """What may be fetched from HTTPS.

    Attributes
    ----------
    hosts
        The hosts that may be read; `*` allows any.
    private_addresses
        Whether a host may be in a private network.
    max_bytes
        How large a file may be.
    seconds
        How long its delivery may take, from the first connection to the last byte.
    """

    hosts: tuple[str, ...]
    private_addresses: bool
    max_bytes: int
    seconds: float
