"""What may be fetched over HTTPS. Apart from the fetching, because every function's settings import it."""

from typing import NamedTuple


class HttpsLimits(NamedTuple):
    """What may be fetched over HTTPS.

    Attributes
    ----------
    hosts
        The hosts that may be read; `*` allows any.
    private_addresses
        Whether a host may be in a private network.
    max_bytes
        The largest size of a file.
    seconds
        The longest time of a delivery, from the first connection to the last byte.
    """

    hosts: tuple[str, ...]
    private_addresses: bool
    max_bytes: int
    seconds: float
