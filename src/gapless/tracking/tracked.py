"""What the trackers of a run hear, arm by arm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gapless.recipe import Recipe
from gapless.records.measurements import Measurement
from gapless.records.observer import Observer, StepDone
from gapless.tracking.sender import Sender
from gapless.tracking.tracker import TrackedArm


class Tracking:
    """The trackers of a run; of one arm at a time."""

    def __init__(self, recipe: Recipe, folder: Path, *, note: Callable[[str], None]) -> None:
        """Begin with none open.

        Args:
            recipe: its ``logging`` says which; nothing else of it matters but names and settings.
            folder: the run's.
            note: hears of a tracker that failed; called from another thread.

        """
        self._recipe, self._folder, self._note = recipe, folder, note
        self._open: list[Sender] = []

    def of_arm(self, name: str, settings: Mapping[str, Any], observer: Observer) -> "Tracked":
        """Return an observer that tells the trackers too; those of the arm before are closed."""
        self.close()
        arm = TrackedArm(
            run=self._recipe.name,
            arm=name,
            folder=self._folder,
            settings=settings,
            identity="",
            from_tokens=-1,
        )
        self._open = [Sender(spec, arm, note=self._note) for spec in self._recipe.logging]
        return Tracked(observer, self._open)

    def close(self) -> None:
        """Wait until all is sent."""
        for sender in self._open:
            sender.close()
        self._open = []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, also when the run was stopped or failed."""
        self.close()


class Tracked:
    """Hears of an arm's training, and tells its observer first and then its trackers."""

    def __init__(self, observer: Observer, senders: Sequence[Sender]) -> None:
        self._observer, self._senders = observer, senders
        self._tokens = 0

    def step(self, done: StepDone) -> None:
        """Tell of a step."""
        self._observer.step(done)
        values = asdict(done)
        tokens_seen = values.pop("tokens_seen")
        self._send(tokens_seen, {f"train/{name}": value for name, value in values.items()})

    def measured(self, measurements: Sequence[Measurement]) -> None:
        """Tell of a measurement."""
        self._observer.measured(measurements)
        values = {f"measured/{m.probe}/{m.metric}": m.value for m in measurements}
        if measurements:
            self._send(measurements[0].tokens_seen, values)

    def left_out(self, what: str) -> None:
        """Pass it on: no tracker has a place for it."""
        self._observer.left_out(what)

    def noted(self, what: str) -> None:
        """Pass it on, likewise."""
        self._observer.noted(what)

    def _send(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        for sender in self._senders:
            sender.send(tokens_seen, values)
