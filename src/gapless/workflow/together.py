"""A run of several processes: the first does it, the others train with it.

`torchrun` starts the same command several times. Text, order, base and analysis are the first
process's work, and so is everything on the disk and the terminal; the others wait for what it
commits, and train when their turn comes.
"""

import os
import time
from collections.abc import Callable, Sequence

from gapless.errors import RunError
from gapless.workflow.arm import TRAINING
from gapless.workflow.stage import Stage

_CLAIMED = "the run folder is claimed"
_SECONDS_BETWEEN_LOOKS = 0.2


def is_first() -> bool:
    """Whether this process does the run; the only one without `torchrun`."""
    return os.environ.get("RANK", "0") == "0"


def refuse_many(verb: str) -> None:
    """Refuse several processes for what one process does.

    Raises:
        RunError: there are several.

    """
    if _are_several():
        raise RunError(
            f"{verb!r} is done by one process",
            mend="Start it without torchrun; only `gapless run` takes several.",
        )


def let_others_in() -> None:
    """Tell the other processes, if any, that the folder says whose run it is."""
    if not _are_several():  # `torch` takes seconds to load
        return
    from gapless.training.processes import Processes

    Processes.of_environment().tell(_CLAIMED)


def wait_for_first() -> None:
    """Return when the first process has claimed the folder."""
    from gapless.training.processes import Processes

    Processes.of_environment().hear(_CLAIMED)


def take_part(stages: Sequence[Stage], *, stop: Callable[[], bool]) -> None:
    """Wait for what the first process makes, train with it, and leave after the last training.

    Raises:
        KeyboardInterrupt: somebody asked to stop.

    """
    trainings = [number for number, stage in enumerate(stages) if stage.kind == TRAINING]
    for stage in stages[: max(trainings, default=-1) + 1]:
        if stage.kind == TRAINING and not stage.is_done():
            stage.take_part()
        while stage.kind != TRAINING and not stage.is_done():
            if stop():
                raise KeyboardInterrupt
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _are_several() -> bool:
    return os.environ.get("WORLD_SIZE", "1") != "1"
