"""A tracker in the background: training never waits for it, and never fails with it."""

import json
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from gapless.recipe.trackers import Tracker as Spec
from gapless.records.artifact import write_text
from gapless.tracking.open_tracker import open_tracker
from gapless.tracking.tracker import TrackedArm

_WAITING = 100_000
"""Points that may wait to be sent; a tracker that falls further behind is given up."""
_SECONDS_AT_END = 60.0
_SECONDS_BETWEEN_MARKS = 10.0

Point = tuple[int, dict[str, float]]


class Sender:
    """Sends the points of one arm to one tracker, each once, also over several sittings."""

    def __init__(self, spec: Spec, arm: TrackedArm, *, note: Callable[[str], None]) -> None:
        self._spec, self._note = spec, note
        self._place = arm.folder / "trackers" / f"{arm.arm}.{spec.type}.json"
        self._arm = _remembered(self._place, arm)
        self._queue: queue.Queue[Point | None] = queue.Queue(_WAITING)
        self._failed = False
        # A daemon: a tracker that hangs does not keep the process alive.
        self._thread = threading.Thread(target=self._work, daemon=True, name=f"to {spec.type}")
        self._thread.start()

    def send(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Hand a point over; at once, whatever the tracker does."""
        known = {name: value for name, value in values.items() if math.isfinite(value)}
        if self._failed or not known or tokens_seen < self._arm.from_tokens:
            return
        try:
            self._queue.put_nowait((tokens_seen, known))
        except queue.Full:
            self._give_up("it is too slow")

    def close(self) -> None:
        """Wait until everything is sent, but not for ever."""
        if not self._failed:
            self._queue.put(None)
            self._thread.join(_SECONDS_AT_END)
            if self._thread.is_alive():
                self._give_up("it does not end")

    def _work(self) -> None:
        try:
            self._send_all()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - none of it may stop a training
            self._give_up(f"{type(error).__name__}: {error}")

    def _send_all(self) -> None:
        tracker = open_tracker(self._spec, self._arm)
        self._mark(tracker.identity, self._arm.from_tokens)
        sent, marked = self._arm.from_tokens, time.monotonic()
        while (point := self._queue.get()) is not None:
            tokens_seen, values = point
            tracker.log(tokens_seen, values)
            sent = tokens_seen
            if time.monotonic() - marked >= _SECONDS_BETWEEN_MARKS:
                marked = time.monotonic()
                self._mark(tracker.identity, sent)
        tracker.close()
        self._mark(tracker.identity, sent)

    def _mark(self, identity: str, sent: int) -> None:
        """Remember the tracker's run, and up to where it was told."""
        self._place.parent.mkdir(exist_ok=True)
        write_text(self._place, json.dumps({"id": identity, "tokens_seen": sent}))

    def _give_up(self, why: str) -> None:
        if not self._failed:
            self._failed = True
            shown = why.splitlines()[0] if why else ""
            self._note(
                f"{self._spec.type} hears no more of {self._arm.arm} ({shown}); training goes on, "
                "and everything is in the run's folder"
            )


def _remembered(place: Path, arm: TrackedArm) -> TrackedArm:
    try:
        kept = json.loads(place.read_text())
        return replace(arm, identity=str(kept["id"]), from_tokens=int(kept["tokens_seen"]))
    except (OSError, ValueError, KeyError, TypeError):
        return arm  # begins anew
