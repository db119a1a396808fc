"""A run's identity, and the event with which the state machine starts Ingest and Model."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, StringConstraints

from voucher_selection.domain.versions import version_of

# Names of Step Functions executions, without the characters that an S3 key would have to quote.
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=@-]{1,80}$")]


class Run(NamedTuple):
    """A run: the name of its execution, and when it started."""

    run_id: RunId
    started_at: datetime

    @property
    def version(self) -> str:
        """The version of the run's model."""
        return version_of(self.started_at, self.run_id)


class RunEvent(BaseModel):
    """An execution: its name, its start, and its input, not yet parsed."""

    run_id: RunId
    started_at: AwareDatetime
    request: Any

    @property
    def run(self) -> Run:
        """The run of this event."""
        return Run(self.run_id, self.started_at)
