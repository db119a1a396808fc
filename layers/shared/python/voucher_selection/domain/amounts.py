"""Voucher amounts: read a number as the decimal that was meant, whatever the type of its column.

Numbers that differ only in a float's last digits are one amount: 0.30000000000000004 is 0.3, and a 32-bit 9.95 that was
widened to 9.949999809265137 is 9.95. Amounts with at most four decimals and 15 digits never change.
"""

import numpy as np
import numpy.typing as npt

# DynamoDB's numbers are 0, or from 1e-130 to 1e126. Every voucher is far within these bounds.
SMALLEST_AMOUNT, LARGEST_AMOUNT = 1e-10, 1e15
# Below it, a number with four decimals has at most 15 digits.
_MOST_OF_FOUR_DECIMALS = 1e11
# A 32-bit float with cents, below 32,768, has at least this many more digits after it was widened to 64 bits.
_DIGITS_OF_WIDENING = 4


def amount_of(number: float) -> float:
    """Return the amount that a positive, finite number means.

    The amount is the number, rounded to 15 digits. If the number was a 32-bit float, it is what that float was written
    as. A number with a fraction was one if it equals a 32-bit float to 15 digits, and that float has at least four
    digits fewer.

    Examples
    --------
    >>> amount_of(0.1 + 0.2)
    0.3
    >>> amount_of(9.949999809265137)
    9.95
    """
    amount = _to_15_digits(number)
    narrow = np.float32(amount)
    if _to_15_digits(float(narrow)) != amount or amount.is_integer():
        return amount
    written = str(narrow)
    return float(written) if _digits(repr(amount)) - _digits(written) >= _DIGITS_OF_WIDENING else amount


def amounts_of(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the amounts that numbers mean. Each number is 0, or positive and finite."""
    unusual = ~(_has_four_decimals(numbers) & (numbers < _MOST_OF_FOUR_DECIMALS))
    distinct, places = np.unique(numbers[unusual], return_inverse=True)
    amounts = numbers.copy()
    amounts[unusual] = np.array([amount_of(number) for number in distinct.tolist()], np.float64)[places]
    return amounts


def are_usual_amounts(numbers: npt.NDArray[np.float64]) -> bool:
    """Return True if all numbers are usual amounts already; else `amounts_of` must look at each unusual one."""
    if not numbers.size:
        return True
    in_range = numbers.min() >= 0 and numbers.max() < _MOST_OF_FOUR_DECIMALS
    return bool(in_range and (np.array_equal(np.rint(numbers), numbers) or _has_four_decimals(numbers).all()))


def _has_four_decimals(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    # Dividing whole numbers gives the nearest float: a number that equals the quotient is that decimal.
    return np.equal(np.rint(numbers * 10_000) / 10_000, numbers)


def _to_15_digits(number: float) -> float:
    """Round to 15 digits, which a 64-bit float keeps of every decimal number."""
    return float(f"{number:.15g}")


def _digits(written: str) -> int:
    return len(written.partition("e")[0].replace(".", "").strip("0"))
