"""Curves: a metric against tokens seen, of one probe or of all probes of a role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np

from gapless.errors import RunError
from gapless.records.arm_journals import MEASUREMENTS
from gapless.records.measurements import Measurement, items_path, read_items, read_measurements


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One metric at every point where it was measured; the first is the base model."""

    kind: Literal["probe", "role"]
    name: str
    """Name of the probe or of the role."""
    role: str
    metric: str
    higher_is_better: bool
    tokens: np.ndarray
    """Tokens seen, rising from 0: int64, shape (points,)."""
    values: np.ndarray
    """The metric: float64, shape (points,)."""
    probes: tuple[str, ...]
    """The probes it is made of."""

    def __post_init__(self) -> None:
        where = f"{self.kind} {self.name}, {self.metric}"
        if len(self.tokens) == 0 or self.tokens[0] != 0:
            what = "measurement zero is missing: the base model was not measured"
            raise RunError(
                what, where=where, mend="Run again: a run measures its base model first."
            )
        if not (np.diff(self.tokens) > 0).all():
            raise RunError("a point was measured twice or out of order", where=where, mend=_MEND)
        if not np.isfinite(self.values).all():
            tokens = int(self.tokens[~np.isfinite(self.values)][0])
            raise RunError(
                f"the value after {tokens} tokens is not finite", where=where, mend=_MEND
            )

    @property
    def changes(self) -> np.ndarray:
        """Improvement over the base, in the unit of the metric: positive is better."""
        sign = 1.0 if self.higher_is_better else -1.0
        changes: np.ndarray = sign * (self.values - self.values[0])
        return changes

    def places(self, tokens: np.ndarray) -> np.ndarray:
        """Return where some of its points stand among them: int64, of the shape of ``tokens``."""
        places: np.ndarray = np.searchsorted(self.tokens, tokens)
        assert np.array_equal(self.tokens[places], tokens)
        return places


_MEND = "Delete the arm's folder and run again."


@dataclass(frozen=True, kw_only=True)
class ProbeHistory:
    """A probe's curve and, at every point, what each value is made of (see `ItemValues`)."""

    curve: Curve
    numerators: np.ndarray
    """Shape (points, items), or (points, items, groups)."""
    denominators: np.ndarray
    """Of the same shape."""
    items: str = ""
    """Which items these are, where arms of several runs may have others; empty within one run."""

    @property
    def num_items(self) -> int:
        """Items of the probe."""
        return int(self.numerators.shape[1])


@dataclass(frozen=True)
class Arm:
    """All curves of one arm."""

    name: str
    probes: tuple[ProbeHistory, ...]
    roles: tuple[Curve, ...] = field(default=())


def load_arm(folder: Path, *, name: str = "", items: Mapping[str, str] | None = None) -> Arm:
    """Read an arm's folder: its measurements and their items.

    ``name`` is what to call it instead of its own name; ``items`` tell, probe by probe, the items
    of one run from those of another.

    Raises:
        RunError: nothing was measured, the base was not, or rows and items disagree.

    """
    measurements = read_measurements(folder / MEASUREMENTS)
    names = sorted({measurement.arm for measurement in measurements})
    if len(names) != 1:
        what = f"the measurements of {len(names)} arms" if names else "no measurement"
        where = str(folder / MEASUREMENTS)
        raise RunError(f"it holds {what}; one arm is expected", where=where, mend=_MEND)
    histories = tuple(
        _with_items(folder, curve, (items or {}).get(curve.name, ""))
        for curve in probe_curves(measurements)
    )
    roles = tuple(role_curves([history.curve for history in histories]))
    return Arm(name or names[0], histories, roles)


def probe_curves(measurements: Sequence[Measurement]) -> list[Curve]:
    """Return the curve of each probe and metric of one arm, in the order of their first rows."""
    rows: dict[tuple[str, str], list[Measurement]] = {}
    for measurement in measurements:
        rows.setdefault((measurement.probe, measurement.metric), []).append(measurement)
    return [
        Curve(
            kind="probe",
            name=probe,
            role=points[0].role,
            metric=metric,
            higher_is_better=points[0].higher_is_better,
            tokens=np.array([point.tokens_seen for point in points], dtype=np.int64),
            values=np.array([point.value for point in points], dtype=np.float64),
            probes=(probe,),
        )
        for (probe, metric), points in rows.items()
    ]


def role_curves(curves: Sequence[Curve]) -> list[Curve]:
    """Return, for each role and metric, the unweighted mean over the role's probes.

    Unweighted, because how many bytes or questions a probe has is an accident of collecting: the
    largest would speak for the role. (Guo et al. 2024 average their tasks in the same way.)

    It stands at the points that all of these probes share: rare ones are not at every point, and
    what was not measured is not made up.
    """
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.role, curve.metric), []).append(curve)
    return [_mean(role, metric, members) for (role, metric), members in groups.items()]


def _mean(role: str, metric: str, members: list[Curve]) -> Curve:
    tokens = reduce(np.intersect1d, [member.tokens for member in members])
    return Curve(
        kind="role",
        name=role,
        role=role,
        metric=metric,
        higher_is_better=members[0].higher_is_better,
        tokens=tokens,
        values=np.mean([member.values[member.places(tokens)] for member in members], axis=0),
        probes=tuple(member.name for member in members),
    )


def _with_items(folder: Path, curve: Curve, which: str) -> ProbeHistory:
    key = f"{curve.name}/{curve.metric}"
    numerators: list[np.ndarray] = []
    denominators: list[np.ndarray] = []
    for tokens, value in zip(curve.tokens.tolist(), curve.values.tolist(), strict=True):
        path = items_path(folder, tokens)
        try:
            items = read_items(path)[key]
        except (OSError, ValueError, KeyError) as error:
            what = f"the items of {key} cannot be read"
            raise RunError(what, where=str(path), mend=_MEND) from error
        same_items = not numerators or items.numerators.shape == numerators[0].shape
        if not same_items or not np.isclose(items.value, value, rtol=1e-6):
            what = f"the items of {key} are not those of its measurements"
            raise RunError(what, where=str(path), mend=_MEND)
        numerators.append(items.numerators)
        denominators.append(items.denominators)
    return ProbeHistory(
        curve=curve,
        numerators=np.stack(numerators),
        denominators=np.stack(denominators),
        items=which,
    )
