"""Parts of a model: what one answer, or one page, shows of a model that is too large for it.

The parts of one answer are of one version, also if another one is served meanwhile.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER, MOST_AMOUNTS, answer_size
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.domain.errors import NoModel, NoVersion
from voucher_selection.domain.lookups import InvalidLookup
from voucher_selection.domain.model import CountryMode, Model, SegmentMode
from voucher_selection.domain.validation import FieldProblem

VERSION_PATTERN = r"^[A-Za-z0-9_.+=@-]{1,128}$"
MOST_SHOWN = 500
"""So many segments and countries a page shows at most; a browser slows down with more."""
_LONGEST_NUMBER = 9


class Asked(NamedTuple):
    """The part of a model that a query asks for: it begins at a place in `Model.entries`."""

    model: Model
    start: int

    @classmethod
    def of(cls, start: str | None, version: str | None, served: Model, catalog: Catalog) -> "Asked":
        """Read what a query asks for: without a `start`, from the beginning; without a `version`, the served model.

        Raises
        ------
        InvalidLookup
            `start` is not a whole number from 0.
        NoVersion
            The catalog does not have the version, or not any more.
        """
        model = served if version in {None, served.version} else _kept(str(version), catalog)
        return cls(model, place_of(start))


class Shown(NamedTuple):
    """The part of a model that a page shows, with all its amounts; where it starts, and the next one (None: the last).

    `countries` are those that it has modes of.
    """

    whole: Model
    part: Model
    countries: tuple[str, ...]
    start: int
    after: int | None


def place_of(start: str | None) -> int:
    """Return the place that a query names; raise `InvalidLookup` if it is not a whole number from 0."""
    if start is None:
        return 0
    if not (start.isascii() and start.isdigit()):
        raise InvalidLookup([FieldProblem("start", f"expected a whole number from 0, got {start[:40]!r}")])
    return int(start) if len(start) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER  # behind the end of every model


def with_amounts(asked: Asked, catalog: Catalog) -> list[SegmentMode | CountryMode]:
    """Return modes from the asked one on, with all their amounts: as many as may fit into an answer, at least one."""
    model, start = asked
    return catalog.with_all_amounts(model, start, _end(model, start, len(model.entries)))


def answered(asked: Asked, catalog: Catalog, describe: Callable[[Model], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the largest part that fits into an answer; it has at least one segment or country.

    `describe` returns the answer of a model. If there are further parts, the answer has the query of the `next` one.
    """
    model, start = asked
    shown = with_amounts(asked, catalog)
    answer = _answer(model, start, len(shown), describe(model.part(shown)))
    while (size := answer_size(answer)) > LARGEST_ANSWER and len(shown) > 1:
        # At least a tenth less; an answer also has parts that do not shrink.
        shown = shown[: max(1, len(shown) * LARGEST_ANSWER * 9 // (size * 10))]
        answer = _answer(model, start, len(shown), describe(model.part(shown)))
    return answer


def shown(asked: Asked, catalog: Catalog) -> Shown:
    """Return the part that a page shows: as many whole countries as it may, or else some segments of one."""
    model, start = asked
    end = _end(model, start, MOST_SHOWN)
    if end < len(model.entries):
        ends = [place + 1 for place in range(start, end) if isinstance(model.entries[place], CountryMode)]
        end = ends[-1] if ends else end
    part = model.part(catalog.with_all_amounts(model, start, end))
    countries = tuple(dict.fromkeys(mode.country_code for mode in part.entries))
    return Shown(model, part, countries, start, end if end < len(model.entries) else None)


def _kept(version: str, catalog: Catalog) -> Model:
    try:
        if re.fullmatch(VERSION_PATTERN, version):
            return catalog.read(version)
    except NoModel as error:
        raise NoVersion(f"{error}: start again without `version`") from error
    raise NoVersion(f"{version[:128]!r} is no version: start again without `version`")


def _end(model: Model, start: int, most: int) -> int:
    """Return where a part ends that begins at `start`: after one entry, or more if their amounts may fit."""
    end, amounts = start, 0
    for mode in model.entries[start : start + most]:
        amounts += mode.amounts
        if amounts > MOST_AMOUNTS and end > start:
            break
        end += 1
    return end


def _answer(model: Model, start: int, shown: int, described: Mapping[str, Any]) -> dict[str, Any]:
    following = start + shown
    if following >= len(model.entries):
        return dict(described)
    return {**described, "next": f"?{urlencode({'version': model.version, 'start': following})}"}
