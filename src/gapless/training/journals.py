"""The journals of a training: what happened, row by row, in JSON Lines."""

from pathlib import Path

from gapless.records.arm_journals import (
    FAULTS,
    MEASUREMENTS,
    MIXTURE,
    OBSERVATIONS,
    SAMPLES,
    SPEED,
    STEPS,
)
from gapless.records.journal import Journal, JournalCopy
from gapless.records.measurements import Measured
from gapless.training.processes import Processes


class Journals:
    """The journals of one arm. The first process writes; the others begin with what it has."""

    def __init__(self, folder: Path, processes: Processes, *, kept_tokens: int) -> None:
        """Cut off what came after ``kept_tokens`` tokens seen, and go on from there."""
        if processes.is_first:
            # Faults stay: they say what to leave out when the same batch comes again.
            Journal(folder / FAULTS).cut(lambda _: True)  # but for half a line, as a kill leaves it
            for name in (MEASUREMENTS, SAMPLES, OBSERVATIONS, STEPS, SPEED, MIXTURE):
                _cut(Journal(folder / name), kept_tokens)
        processes.wait()
        opened = Journal if processes.is_first else JournalCopy
        self.measurements = opened(folder / MEASUREMENTS)
        self.samples = opened(folder / SAMPLES)
        self.observations = opened(folder / OBSERVATIONS)
        self.steps = opened(folder / STEPS)
        self.speed = opened(folder / SPEED)
        self.mixture = opened(folder / MIXTURE)
        self.faults = opened(folder / FAULTS)
        processes.wait()

    def write(self, measured: Measured, tokens_seen: int) -> None:
        """Add what was measured at a point; a point with measurements has its samples too."""
        if measured.samples:
            # A kill between the two leaves samples of a point that is measured again.
            self.samples.cut(lambda row: row["tokens_seen"] < tokens_seen)
            self.samples.append(*(each.row() for each in measured.samples))
        self.measurements.append(*(each.row() for each in measured.measurements))

    def roll_back(self, kept_tokens: int) -> None:
        """Cut off what is made again; the mixture's decisions would come out the same, and stay."""
        rolled = (self.measurements, self.samples, self.observations, self.steps, self.speed)
        for journal in rolled:
            _cut(journal, kept_tokens)

    def sync(self) -> None:
        """Return when every row is on the disk."""
        for journal in (self.measurements, self.samples, self.observations, self.steps):
            journal.sync()
        for journal in (self.speed, self.mixture, self.faults):
            journal.sync()


def _cut(journal: Journal, kept_tokens: int) -> None:
    journal.cut(lambda row: row["tokens_seen"] <= kept_tokens)
