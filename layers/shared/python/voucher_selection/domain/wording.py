"""Words for people: amounts, one way in messages, on pages and in the terminal."""

from decimal import Decimal

_DIGITS = 15  # what a double keeps of any decimal number
_LEAST, _TOO_LONG = 1e-6, 1e21  # outside of them zeros are all there is to read


def amount(value: float) -> str:
    """Return a voucher amount whole, without a decimal point that it does not need: `1234567`, `12345.67`."""
    text = f"{value:.{_DIGITS}g}"
    return f"{Decimal(text):f}" if "e" in text and _LEAST <= abs(value) < _TOO_LONG else text
