"""A run: what every step of it is given, and the event that the state machine starts Ingest and Model with."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, StringConstraints

from voucher_selection.domain.versions import version_of

# Step Functions' execution names, less what would need quoting in an S3 key.
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=@-]{1,80}$")]


class Run(NamedTuple):
    """A run, known by its execution's name, and when that was started."""

    run_id: RunId
    started_at: datetime

    @property
    def version(self) -> str:
        """The version of the run's model."""
        return version_of(self.started_at, self.run_id)


class RunEvent(BaseModel):
    """An execution: its name, its start, and its input as it came."""

    run_id: RunId
    started_at: AwareDatetime
    request: Any

    @property
    def run(self) -> Run:
        """The run."""
        return Run(self.run_id, self.started_at)
