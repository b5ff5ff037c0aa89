"""Regression: a quadratic surface in every setting, with a ridge: what a law must beat.

Shares as they are (without the last, which the others say), numbers above 0 by their logarithm,
names as 0 or 1 for each but the first; numbers less their mean and over their standard deviation.
Then squares, and products of two, as far as there are settings for them: with fewer than one more
than terms, products are left out, then squares. Every term but the constant has a ridge: it is held
to be of the order of the outcomes' deviation (Hoerl and Kennard 1970, the Bayesian reading), so
that what the trials do not say is 0.
"""

from collections.abc import Callable

import numpy as np

from gapless.surrogate.forms import Form, Parameter, Values, varies
from gapless.surrogate.trials import DOMAIN_SHARE, SHARE, Columns

Feature = Callable[[Columns], np.ndarray]


def cut_regression(columns: Columns) -> Form:
    """Return the surface for the settings that differ between trials (Box and Wilson 1951)."""
    names = _read(columns)
    singles: dict[str, Feature] = {}
    for name in names:
        singles |= _features(name, columns[name])
    smooth = [label for label in singles if "=" not in label]
    squares = {(label, label) for label in smooth}
    products = {
        (a, b)
        for i, a in enumerate(singles)
        for b in list(singles)[i + 1 :]
        if a.partition("=")[0] != b.partition("=")[0]
    }
    settings = len({*zip(*(columns[name].tolist() for name in names), strict=True)}) if names else 0
    pairs: list[tuple[str, str]] = []
    for more in (squares, products):
        if 1 + len(singles) + len(pairs) + len(more) < settings:
            pairs += sorted(more)
    terms = {label: (label,) for label in singles} | {f"{a} * {b}": (a, b) for a, b in pairs}

    def formula(p: Values, x: Columns) -> np.ndarray:
        made = {label: feature(x) for label, feature in singles.items()}
        total = p["constant"]
        for label, factors in terms.items():
            total = total + p[label] * np.prod([made[factor] for factor in factors], axis=0)
        return np.broadcast_to(total, np.broadcast_shapes(total.shape, _shape(x, names)))

    ridged = tuple(Parameter(name=label, linear=True, ridge=1.0) for label in terms)
    constant = Parameter(name="constant", linear=True)
    return Form(parameters=(constant, *ridged), reads=tuple(names), formula=formula)


def _read(columns: Columns) -> list[str]:
    """Return the settings that differ, without what others say."""
    names = [name for name, values in columns.items() if varies(values)]
    shares = [name for name in names if name.startswith(SHARE)]
    if shares:
        names = [name for name in names if name not in (DOMAIN_SHARE, shares[-1])]
    return names


def _features(name: str, values: np.ndarray) -> dict[str, Feature]:
    if values.dtype.kind != "f":
        others = sorted(set(values.tolist()))[1:]
        return {f"{name}={other}": _is(name, other) for other in others}
    bends = values.min() > 0 and not name.startswith(SHARE) and name != DOMAIN_SHARE
    scaled = np.log(values) if bends else values
    mean, deviation = float(scaled.mean()), float(scaled.std())

    def feature(x: Columns) -> np.ndarray:
        read: np.ndarray = ((np.log(x[name]) if bends else x[name]) - mean) / deviation
        return read

    return {name: feature}


def _is(name: str, other: str) -> Feature:
    return lambda x: (x[name] == other).astype(np.float64)


def _shape(x: Columns, names: list[str]) -> tuple[int, ...]:
    return x[names[0]].shape if names else (1,)
