"""Fallbacks: whether the country's amount answers where a segment does not, and how much support an answer needs."""

from typing import Literal, NamedTuple

from voucher_selection.contract.lookups import FallbackTo

type Basis = Literal["segment", "country"]
"""What an answer rests on: the assignments of the customer's segment, or all of the country."""


class Fallback(NamedTuple):
    """What a lookup does that names no fallback of its own: by default nothing, so that only segments answer.

    `least_support` is the least number of assignments that an answer rests on. Without a fallback it has no effect.
    """

    to: FallbackTo = "none"
    least_support: int = 1

    def with_those_of(self, to: FallbackTo | None, least_support: int | None) -> "Fallback":
        """Return this fallback with what a request names in place of it; None is not named."""
        return Fallback(to or self.to, least_support or self.least_support)

    @property
    def least(self) -> int | None:
        """The least support of an answer for `Model.mode_for`; None without a fallback."""
        return self.least_for(None, None)

    def least_for(self, to: FallbackTo | None, least_support: int | None) -> int | None:
        """Return the least support of an answer, with what a request names; as `with_those_of`, without its tuple.

        Examples
        --------
        >>> stage = Fallback("country", 30)
        >>> stage.least_for(None, None), stage.least_for(None, 5), stage.least_for("none", 5)
        (30, 5, None)
        """
        return None if (to or self.to) == "none" else least_support or self.least_support


ONLY_SEGMENTS = Fallback()
"""No fallback: what a deployment does that sets nothing."""
