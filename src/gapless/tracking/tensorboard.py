"""Event files for TensorBoard."""

import re
from collections.abc import Mapping
from pathlib import Path

from gapless.recipe.trackers import TensorBoard
from gapless.tracking.tracker import TrackedArm


class EventFiles:
    """An arm's folder of event files; a resumed run adds a file to it."""

    def __init__(self, spec: TensorBoard, arm: TrackedArm) -> None:
        from tensorboardX import SummaryWriter

        place = Path(spec.path).expanduser() if spec.path else arm.folder / "tensorboard"
        self.identity = re.sub(r"[^\w.-]", "_", arm.arm)
        self._writer = SummaryWriter(
            logdir=str(place / self.identity),
            flush_secs=10,
            # Files are named by the second: a run that goes on at once must not write over its own.
            filename_suffix=f".from-{max(arm.from_tokens, 0)}",
        )

    def log(self, tokens_seen: int, values: Mapping[str, float]) -> None:
        """Add a point to each line."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, tokens_seen)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
