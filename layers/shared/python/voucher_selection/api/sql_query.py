"""The query of `GET /model.sql`: the dialect, and what customers are asked with."""

from collections.abc import Mapping
from typing import Annotated, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from voucher_selection.domain.lookups import AskedFallback, InvalidLookup, LeastSupport
from voucher_selection.domain.sql_dialects import DIALECTS, DialectName
from voucher_selection.domain.validation import field_problems

CONTENT_TYPE = "application/sql; charset=utf-8"


def _dialect(value: object) -> DialectName:
    if value not in DIALECTS:
        raise ValueError(f"expected one of {', '.join(DIALECTS)}, got {str(value)[:40]!r}")
    return cast("DialectName", value)


class SqlQuery(BaseModel):
    """What is asked of a dialect; null as `fallback` or `least_support`: the stage's default."""

    model_config = ConfigDict(frozen=True)

    dialect: Annotated[DialectName, BeforeValidator(_dialect)]
    fallback: AskedFallback = None
    least_support: LeastSupport = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Read a query; raise `InvalidLookup`, with an entry for every invalid field."""
        try:
            return cls.model_validate({"dialect": None, **query})
        except ValidationError as error:
            raise InvalidLookup(list(field_problems(error))) from error
