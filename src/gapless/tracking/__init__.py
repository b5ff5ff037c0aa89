"""Tracking: what a run measures, told to other people's dashboards. Nothing here can stop a run.

    the loop -> Tracked, one per arm -> Sender, a thread per tracker -> a `Tracker`

The journals of the run stay the truth: a tracker only hears of them, in the background, and is left
alone for good after its first failure.

To add one: its settings in `recipe/trackers.py`, its file here, one line in `open_tracker.OPENERS`.
"""

from gapless.tracking.open_tracker import check_installed
from gapless.tracking.tracked import Tracked, Tracking

__all__ = ["Tracked", "Tracking", "check_installed"]
