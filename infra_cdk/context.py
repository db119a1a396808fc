"""Settings from the CDK's context: from the command line, or from `cdk.json`.

A context value with the name of a setting replaces the stage's default.

Examples
--------
On the command line::

    cdk deploy -c stage=local -c countries=Peru,Latvia -c cur_date=2018-08-01
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from infra_cdk.stages import SETTINGS, Stage, StageError, stage

FROM_DEPLOYED = "voucher-selection:from-deployed"
"""Set by a caller that gives every deployed setting again: `./quickstart deploy` reads them from the stack."""


def stage_from_context(context: Mapping[str, Any]) -> Stage:
    """Return the stage that a CDK context describes: its `stage` (by default local) with every setting in it.

    `suffix` names a deployment beside the stage's own one.

    Raises
    ------
    StageError
        A value is not valid, or a name is not a setting; the message says what is allowed.
    """
    given = {name: value for name, value in context.items() if _is_ours(name)}
    name, suffix = str(given.pop("stage", "local")), str(given.pop("suffix", ""))
    unknown = sorted(given.keys() - _READERS.keys())
    if unknown:
        raise StageError(
            f"{', '.join(unknown)}: no such setting; the settings are stage, suffix, {', '.join(sorted(_READERS))}"
        )
    settings = {}
    for key, value in given.items():
        try:
            settings[key] = _READERS[key](value)
        except ValueError as error:
            raise StageError(f"{key}: {error}, got {value!r}") from error
    return stage(name, suffix=suffix, **settings)


def _is_ours(name: str) -> bool:
    """Return whether a context value is ours. The names of the CDK's have a colon, a slash or an at sign."""
    return re.fullmatch(r"[a-z_]+", name) is not None


def _list(value: object) -> tuple[str, ...]:
    items: Sequence[Any] = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(item).strip() for item in items if str(item).strip())


def _date(value: object) -> date | None:
    if value in ("", "today"):
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("expected a date like 2018-09-15, or today") from None


def _dates(value: object) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(item) for item in _list(value))
    except ValueError:
        raise ValueError("expected dates like 1900-01-01,9999-12-31") from None


def _path(value: object) -> Path | None:
    return Path(str(value)) if value else None


def _whole_number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError("expected a whole number") from None


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("expected a number")
    return number


def _or_none(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value in ("", "none") else read(value)


def _switch(value: object) -> bool:
    switches = {"true": True, "false": False}
    if str(value).lower() not in switches:
        raise ValueError("expected true or false")
    return switches[str(value).lower()]


def _one_of(*allowed: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}")
        return str(value)

    return read


_BY_TYPE: Mapping[object, Callable[[object], Any]] = {
    tuple[str, ...]: _list,
    date | None: _date,
    tuple[date, ...]: _dates,
    Path | None: _path,
    int: _whole_number,
    int | None: _or_none(_whole_number),
    float: _number,
    float | None: _or_none(_number),
    bool: _switch,
    str: str,
}


def _reader(declared: Any) -> Callable[[object], Any]:  # noqa: ANN401 - a type
    """Return what reads a setting of a type from text. A type that is not in the table is a choice of words."""
    bare = get_args(declared)[0] if get_origin(declared) is Annotated else declared
    return _BY_TYPE.get(bare) or _one_of(*get_args(bare.__value__))


_READERS: Mapping[str, Callable[[object], Any]] = {field.name: _reader(field.type) for field in SETTINGS}
