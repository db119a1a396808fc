"""What may be fetched over HTTPS. Apart from the fetching, because every function's settings import it."""

from typing import NamedTuple


class HttpsLimits(NamedTuple):
    """The hosts that may be read (`*` allows any), also in private networks or not, and how large a file may be.

    `seconds` is the longest time of a delivery, from the first connection to the last byte.
    """

    hosts: tuple[str, ...]
    private_addresses: bool
    max_bytes: int
    seconds: float
