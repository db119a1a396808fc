"""What a stage's settings and the lookups, which take them as defaults, agree on."""

from typing import Literal

type FallbackTo = Literal["none", "country"]
"""What answers a customer whose segment does not: nothing, or the amount used most in the country."""
