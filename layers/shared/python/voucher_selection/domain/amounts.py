"""What an amount is: the number that its decimal writing says, whatever type of column it comes in.

Numbers that differ in a float's last digits only are one amount: 0.30000000000000004 is 0.3, and a 9.95 of 32 bits that
was widened to 9.949999809265137 is 9.95. Amounts of up to four decimals and 15 digits are never changed.
"""

import numpy as np
import numpy.typing as npt

# DynamoDB keeps no number above 1e126, or below 1e-130 and not 0; no voucher comes near to these bounds.
SMALLEST_AMOUNT, LARGEST_AMOUNT = 1e-10, 1e15
# Numbers of four decimals below it have no more than 15 digits.
_MOST_OF_FOUR_DECIMALS = 1e11
# A float of 32 bits with cents, below 32,768, is written with at least so many digits more when it was widened.
_DIGITS_OF_WIDENING = 4


def amount_of(number: float) -> float:
    """Return the amount that a positive, finite number means: itself to 15 digits, or as it was before it was widened.

    A number with a fraction that is a float of 32 bits to 15 digits, and is written with at least four digits fewer as
    one, was one.
    """
    amount = _to_15_digits(number)
    narrow = np.float32(amount)
    if _to_15_digits(float(narrow)) != amount or amount.is_integer():
        return amount
    written = str(narrow)
    return float(written) if _digits(repr(amount)) - _digits(written) >= _DIGITS_OF_WIDENING else amount


def amounts_of(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the amounts that numbers mean, each of them 0, or positive and finite."""
    unusual = ~(_has_four_decimals(numbers) & (numbers < _MOST_OF_FOUR_DECIMALS))
    distinct, places = np.unique(numbers[unusual], return_inverse=True)
    amounts = numbers.copy()
    amounts[unusual] = np.array([amount_of(number) for number in distinct.tolist()], np.float64)[places]
    return amounts


def are_usual_amounts(numbers: npt.NDArray[np.float64]) -> bool:
    """Tell whether all numbers are amounts as they are, without the work that a rare one needs."""
    if not numbers.size:
        return True
    in_range = numbers.min() >= 0 and numbers.max() < _MOST_OF_FOUR_DECIMALS
    return bool(in_range and (np.array_equal(np.rint(numbers), numbers) or _has_four_decimals(numbers).all()))


def _has_four_decimals(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    # A quotient of whole numbers is the float nearest to it: a number that equals it is its own decimal writing.
    return np.equal(np.rint(numbers * 10_000) / 10_000, numbers)


def _to_15_digits(number: float) -> float:
    """Return the number with as many digits as a float of 64 bits keeps of every decimal number."""
    return float(f"{number:.15g}")


def _digits(written: str) -> int:
    return len(written.partition("e")[0].replace(".", "").strip("0"))
