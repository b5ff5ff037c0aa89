"""Measurements: one row per value that a probe gave, in ``measurements.jsonl``.

Beside the rows, ``items/<tokens seen>.npz`` holds what each value is made of, item by item, so that
intervals can be computed later by resampling items (see ``gapless.analysis``).
"""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gapless.records.journal import Journal
from gapless.records.samples import Sample

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One value of one metric of one probe at one point of one arm."""

    arm: str
    tokens_seen: int
    probe: str
    """Name of the probe; for bits per byte, the name of the source."""
    role: str
    """``domain`` or ``general``."""
    metric: str
    value: float
    higher_is_better: bool
    num_items: int
    standard_error: float | None
    """Over items; None for a single item."""
    schema_version: int = SCHEMA_VERSION

    def row(self) -> dict[str, Any]:
        """Return the measurement as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ItemValues:
    """What a measured value is made of: value = sum(numerators) / sum(denominators).

    Bits per byte: bits and bytes of each document. Accuracy: 1 or 0, and 1, for each question.

    Arrays of shape (items,), or (items, groups): then the value is the mean of the groups' values.
    Macro-F1: a group is a class, with 2 TP over 2 TP + FP + FN (see `mean_over_groups`).
    """

    numerators: np.ndarray
    denominators: np.ndarray

    @property
    def value(self) -> float:
        """The metric's value."""
        if self.numerators.ndim == 2:
            return float(
                mean_over_groups(self.numerators.sum(axis=0), self.denominators.sum(axis=0))
            )
        return float(self.numerators.sum() / self.denominators.sum())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the value over items, linearised (Cochran 1977, section 2.11).

        With groups: of the mean of the groups' ratios, over the groups that have a value.
        """
        num_items = len(self.numerators)
        if num_items < 2:
            return None
        if self.numerators.ndim == 2:
            influences = self._influences()
            return float(influences.std(ddof=1) / np.sqrt(num_items))
        residuals = self.numerators - self.value * self.denominators
        return float(residuals.std(ddof=1) / np.sqrt(num_items) / self.denominators.mean())

    def _influences(self) -> np.ndarray:
        """Return how far each item moves the mean over groups, per part of the items: (items,)."""
        there = self.denominators.sum(axis=0) > 0
        if not there.any():
            return np.zeros(len(self.numerators))
        numerators, denominators = self.numerators[:, there], self.denominators[:, there]
        ratios = numerators.sum(axis=0) / denominators.sum(axis=0)
        each = (numerators - ratios * denominators) / denominators.mean(axis=0)
        influences: np.ndarray = each.mean(axis=1)
        return influences


def mean_over_groups(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Return the mean of the groups' ratios: sums of shape (..., groups) to values (...).

    A group whose denominator is 0 has no value and is left out: a class that is nobody's answer and
    that nobody was given. Without any group the value is 0. (scikit-learn's ``f1_score`` with
    ``average="macro"`` does the same.)
    """
    there = denominators > 0
    ratios = np.divide(numerators, denominators, out=np.zeros(np.shape(there)), where=there)
    mean: np.ndarray = ratios.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    return mean


@dataclass(frozen=True)
class Measured:
    """All that was measured at one point."""

    measurements: list[Measurement]
    items: dict[str, ItemValues]
    """What each value is made of; keys are ``probe/metric``."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Probe of the recipe to how long it took. Clocks differ: results do not depend on it."""
    samples: list[Sample] = field(default_factory=list)
    """What the model wrote, where it was asked to."""

    def add(self, measurements: list[Measurement], items: dict[str, ItemValues]) -> None:
        """Take in more of the same point."""
        self.measurements.extend(measurements)
        self.items.update(items)


def read_measurements(path: Path) -> list[Measurement]:
    """Read a run's measurements, oldest first."""
    return [Measurement(**row) for row in Journal(path).rows()]


def items_path(folder: Path, tokens_seen: int) -> Path:
    """Where the items of one point of a run are kept."""
    return folder / "items" / f"{tokens_seen:015d}.npz"


def write_items(path: Path, items: dict[str, ItemValues]) -> None:
    """Write the items of every probe and metric at one point; keys are ``probe/metric``."""
    path.parent.mkdir(exist_ok=True)
    arrays = {}
    for key, values in items.items():
        arrays[f"{key}/numerators"] = values.numerators.astype(np.float64)
        arrays[f"{key}/denominators"] = values.denominators.astype(np.float64)
    partial = path.with_suffix(".partial.npz")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # keys are data, not options
        file.flush()
        os.fsync(file.fileno())  # a row in the journal must find its items after a power cut
    partial.replace(path)


def read_items(path: Path) -> dict[str, ItemValues]:
    """Read the items of one point of a run; keys are ``probe/metric``."""
    with np.load(path, allow_pickle=False) as arrays:
        keys = sorted(
            name.removesuffix("/numerators") for name in arrays if name.endswith("/numerators")
        )
        return {
            key: ItemValues(
                numerators=arrays[f"{key}/numerators"], denominators=arrays[f"{key}/denominators"]
            )
            for key in keys
        }
