"""A process of a sweep: trains the trials that it is told to, one at a time.

``python -m gapless.workflow.sweep_worker RUN_DIR RECIPE_PLACE THREADS``, started by
`gapless.workflow.sweep_crew`, which writes to its standard input and reads its standard output, a
JSON object a line. When that input ends, because the sweep is over or its process was killed, this
one ends at once, wherever it is: what it has not saved is trained again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from gapless.records.views import Silent

if TYPE_CHECKING:
    from typing import TextIO

_SECONDS_BETWEEN_STEPS = 0.2


class _Line(Silent):
    """What goes back to the sweep; also the progress of what is trained."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = float("-inf")

    def say(self, **told: Any) -> None:
        """Write a message; without a reader there is nothing left to do here."""
        try:
            self._out.write(json.dumps(told) + "\n")
            self._out.flush()
        except BrokenPipeError:
            os._exit(1)

    def note(self, text: str) -> None:
        """Pass a note on."""
        self.say(note=text)

    def training(self, *told: Any) -> None:
        """Pass a step on, unless one was just now."""
        _, seen, total, speed, loss, *_ = told
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_STEPS or seen >= total:
            self._last = now
            self.say(seen=seen, speed=speed, loss=loss)


class _Orders:
    """What the sweep says: tasks in their turn, and a wish to stop at once."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.stopped = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the sweep hears it too
        signal.signal(signal.SIGTERM, self._hear)
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self) -> bool:
        """Whether to stop."""
        return self.stopped

    def _hear(self, _number: int, _frame: object) -> None:
        self.stopped = True

    def _listen(self) -> None:
        for line in sys.stdin:
            order = json.loads(line)
            if "stop" in order:
                self.stopped = True
            else:
                self.tasks.put(order)
        os._exit(0)


def main(run_dir: Path, place: Path, threads: int) -> None:
    """Train what the sweep says, until it says no more."""
    line = _Line(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what a library prints is no message
    orders = _Orders()

    import torch

    from gapless.workflow.opening import tree_of
    from gapless.workflow.run_folder import RunFolder
    from gapless.workflow.sweep_attempts import Rung

    torch.set_num_threads(threads)
    folder, rung = RunFolder(run_dir), Rung(line, orders.stop)
    opened = tree_of(folder.recipe(), place, folder, observe=rung.observer, stop=rung)
    with opened as tree:
        line.say(ready=True)
        while True:
            task = orders.tasks.get()
            stage = tree.arms[task["trial"]].training
            assert stage.fingerprint == task["fingerprint"], "both have read the same recipe"
            line.say(**_outcome(stage, task["tokens"], rung))


def _outcome(stage: Any, tokens: int, rung: Any) -> dict[str, Any]:
    from gapless.workflow.full_disk import disk_is_full
    from gapless.workflow.sweep_attempts import attempt

    if rung.stop():
        return {"stopped": True}
    try:
        return {"failed": attempt(stage, tokens, rung)}
    except KeyboardInterrupt:
        return {"stopped": True}
    except Exception as error:
        if not disk_is_full(error):
            raise
        return {"full": str(getattr(error, "filename", None) or stage.folder.partial_path)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
