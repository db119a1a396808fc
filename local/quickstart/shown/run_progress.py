"""The bars that the quickstart draws while a run goes on: one for each state."""

from collections.abc import Iterator

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from local.quickstart.machine.terminal import can_draw, notices
from voucher_selection.adapters.state_machine import Execution
from voucher_selection.contract.runs import RUN_KINDS, STATES
from voucher_selection.domain.wording import state_name

_STATES = {kind.mode: kind.states for kind in RUN_KINDS}


def show_progress(progress: Iterator[Execution], mode: str) -> Execution:
    """Draw a bar for each state of a kind of run while an execution goes on; return how it ended."""
    columns = TextColumn("  {task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=notices, disable=not can_draw(notices), transient=True) as bars:
        tasks = {
            state: bars.add_task(state_name(state), total=1, start=False, visible=state in _STATES[mode])
            for state in STATES
        }
        for seen in progress:
            for state, task in tasks.items():
                draw_state(bars, task, state, seen)
    return seen


def draw_state(bars: Bars, task: TaskID, state: str, seen: Execution) -> None:
    """Draw the bar of a state: a map's bar has a part for each shard or group, another bar has one part."""
    done = state in seen.seconds
    if done or seen.current == state:
        bars.start_task(task)
        bars.update(task, visible=True)
    items, items_done = seen.items(state) or (1, 0)
    total = items or 1
    completed = total if done else items_done
    bars.update(task, total=total, completed=completed)
    if done:
        bars.stop_task(task)
