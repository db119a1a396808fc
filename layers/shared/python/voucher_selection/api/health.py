"""The health of the API: the model that it serves, its age, and whether the catalog still confirms it."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

from voucher_selection.domain.model import Model
from voucher_selection.domain.model_document import ModelFacts, model_facts


class HealthFacts(ModelFacts):
    """The identity of the served model, and its age."""

    age_seconds: Annotated[int, Field(description="Seconds since the model was published")]


class Health(TypedDict):
    """The answer of `GET /health`."""

    status: Annotated[Literal["ok", "stale"], Field(description="`stale` while the catalog cannot be reached")]
    stale_seconds: NotRequired[
        Annotated[int, Field(ge=0, description="Seconds since the catalog last confirmed the model")]
    ]
    model: HealthFacts


def health(model: Model, stale_seconds: float | None, now: datetime) -> Health:
    """Return the health of an API that serves `model`; `stale_seconds` is None while the catalog confirms it."""
    age = round((now - model.published_at).total_seconds())
    facts: HealthFacts = {**model_facts(model), "age_seconds": age}
    if stale_seconds is None:
        return {"status": "ok", "model": facts}
    return {"status": "stale", "stale_seconds": round(stale_seconds), "model": facts}
