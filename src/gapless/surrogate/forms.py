"""A form: a law cut to a table of trials, with its parameters and its prediction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gapless.errors import DataError
from gapless.surrogate.trials import Columns

Values = Mapping[str, np.ndarray]
"""Name of a parameter to its values, of shape (..., 1)."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number that a fit looks for, in open bounds."""

    name: str
    low: float = -np.inf
    high: float = np.inf
    start: tuple[float, float] = (0.0, 1.0)
    """Where starting points lie, inside the bounds; not asked of a linear parameter."""
    linear: bool = False
    """Whether the prediction is affine in it (and in all other linear ones together): then a
    starting point takes it from a linear least-squares problem."""
    ridge: float = 0.0
    """How strongly it is pulled to 0, for an unbounded parameter: 1 as if it were known to be of
    the order of the outcomes' own deviation."""

    def __post_init__(self) -> None:
        assert self.low < self.high
        assert self.linear or self.low < self.start[0] <= self.start[1] < self.high
        assert np.isfinite(self.low) or not np.isfinite(self.high), "no upper bound alone"
        assert not self.ridge or not np.isfinite(self.low), "a ridge pulls to 0, without bounds"


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is fitted: parameters, and a formula of them and of columns."""

    parameters: tuple[Parameter, ...]
    reads: tuple[str, ...]
    """The columns that the formula reads."""
    formula: Callable[[Values, Columns], np.ndarray]
    units: Mapping[str, float] = field(default_factory=dict)
    """Column to what it is divided by before the formula reads it, so that parameters are of a
    like size: a parameter's value is in these units."""

    @cached_property
    def low(self) -> np.ndarray:
        """The lower bounds: shape (parameters,)."""
        return np.array([each.low for each in self.parameters])

    @cached_property
    def high(self) -> np.ndarray:
        """The upper bounds: shape (parameters,)."""
        return np.array([each.high for each in self.parameters])

    @cached_property
    def ridge(self) -> np.ndarray:
        """The weights of squares: shape (parameters,)."""
        return np.array([each.ridge for each in self.parameters])

    @cached_property
    def linear(self) -> np.ndarray:
        """Which parameters are linear: bool (parameters,)."""
        return np.array([each.linear for each in self.parameters])

    def predict(self, theta: np.ndarray, columns: Columns) -> np.ndarray:
        """Return predictions: parameters of shape (..., parameters) to values (..., rows).

        Numbers that overflow are inf or NaN, without a warning: a fit takes them for bad.
        """
        read = {name: columns[name] for name in self.reads}
        read |= {name: read[name] / unit for name, unit in self.units.items()}
        values = {each.name: theta[..., i, None] for i, each in enumerate(self.parameters)}
        with np.errstate(all="ignore"):
            return self.formula(values, read)

    def named(self, theta: np.ndarray) -> dict[str, float]:
        """Return parameters by name."""
        return {each.name: float(value) for each, value in zip(self.parameters, theta, strict=True)}


def needed(columns: Columns, name: str, law: str) -> np.ndarray:
    """Return a column of numbers that a law needs.

    Raises:
        DataError: the trials have none of that name, or names instead of numbers.

    """
    if name not in columns:
        raise DataError(
            f"the law {law!r} needs {name!r}, and the trials have no such setting",
            mend=f"They have {', '.join(columns)}.",
        )
    return numbers(columns, name, law)


def numbers(columns: Columns, name: str, law: str) -> np.ndarray:
    """Return a column, which must hold numbers."""
    if columns[name].dtype.kind != "f":
        raise DataError(f"the law {law!r} needs numbers in {name!r}, and there are names")
    return columns[name]


def positive(columns: Columns, name: str, law: str) -> np.ndarray:
    """Return a column of numbers above 0 that a law needs.

    Raises:
        DataError: it is missing, or a number in it is 0 or less.

    """
    values = needed(columns, name, law)
    if values.min() <= 0:
        raise DataError(
            f"the law {law!r} needs {name!r} above 0, and a trial has {values.min():g}",
            mend="Fit it without that trial, or fit another law.",
        )
    return values


def varies(values: np.ndarray) -> bool:
    """Whether a column holds more than one value, but for rounding."""
    if values.dtype.kind != "f":
        return len(set(values.tolist())) > 1
    return bool(np.ptp(values) > 1e-9 * np.abs(values).max())


def typical(values: np.ndarray) -> float:
    """Return the geometric mean of numbers above 0: the unit of a column."""
    return float(np.exp(np.log(values).mean()))
