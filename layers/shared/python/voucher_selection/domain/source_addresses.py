"""The address of a source, `s3://…` or `https://…`: only this file looks at its scheme."""

import re
from collections.abc import Callable

from voucher_selection.domain.https_addresses import HttpsAddress, parse_https
from voucher_selection.domain.s3_addresses import S3Address, parse_s3, shown

type SourceAddress = S3Address | HttpsAddress

# Hadoop's programs write `s3a` and `s3n` for the same place.
_PARSERS: dict[str, Callable[[str], SourceAddress]] = {
    **dict.fromkeys(("s3", "s3a", "s3n"), parse_s3),
    "https": parse_https,
}
_EXPECTED = "expected s3://bucket/key, s3://bucket/folder/ or https://host/path"
# Why a run does not read such a source, and what to do instead.
_HINTS = {
    r"http://": "what comes over http:// may have been changed on its way, so only https:// is read",
    r"file://|[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]": "a file of your machine cannot be read from here: give it to"
    " ./quickstart run --source, or put it into a bucket first, with aws s3 cp",
}


def is_address(source: str) -> bool:
    """Return whether a source is an address that a run can read: neither a file nor of another scheme."""
    return _parser_of(source) is not None


def parse_source(source: str) -> SourceAddress:
    """Read the address of a source; `str()` of the result is the address as every file and message has it.

    Raises
    ------
    ValueError
        The address has another scheme, or is not valid for its scheme. The message never repeats a password.

    Examples
    --------
    >>> parse_source("S3A://lake/days/")
    S3Address(bucket='lake', key='days/')
    >>> str(parse_source("HTTPS://files.example/x.parquet"))
    'https://files.example/x.parquet'
    """
    if parse := _parser_of(source):
        return parse(source)
    hints = [hint for pattern, hint in _HINTS.items() if re.match(pattern, source, re.IGNORECASE)]
    before, at, after = source.rpartition("@")
    got = shown(f"{before.partition('//')[0]}//…@{after}" if at else source)
    raise ValueError(": ".join([f"{_EXPECTED}, got {got}", *hints]))


def _parser_of(source: str) -> Callable[[str], SourceAddress] | None:
    scheme, separator, _ = source.partition("://")
    return _PARSERS.get(scheme.lower()) if separator else None
