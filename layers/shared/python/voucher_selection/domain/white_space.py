"""White space around values: the characters that are ignored, for readers that are not in Python."""

SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""White space as Unicode has it, which pydantic removes around the texts of a lookup."""

BLANKS = "\x1c\x1d\x1e\x1f" + SPACES
"""White space as Python has it: four control characters more. It is ignored around numbers, dates and countries."""
