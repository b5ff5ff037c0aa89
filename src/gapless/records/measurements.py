"""Measurements: one row per value that a probe gave, in ``measurements.jsonl``.

Beside the rows, ``items/<tokens seen>.npz`` holds what each value is made of, item by item, so that
intervals can be computed later by resampling items (see ``gapless.analysis``).
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapless.records.journal import Journal

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
    """

    numerators: np.ndarray
    denominators: np.ndarray

    @property
    def value(self) -> float:
        """The metric's value."""
        return float(self.numerators.sum() / self.denominators.sum())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the ratio over items (linearised: Cochran 1977, section 2.11)."""
        num_items = len(self.numerators)
        if num_items < 2:
            return None
        residuals = self.numerators - self.value * self.denominators
        return float(residuals.std(ddof=1) / np.sqrt(num_items) / self.denominators.mean())


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
