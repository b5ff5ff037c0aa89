"""Student's t: the factor of an interval whose spread was itself estimated from few numbers."""

import math
from statistics import NormalDist

import numpy as np

_MANY = 200.0
"""From here on an expansion around the normal distribution is right to six digits."""


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t distribution, for 0.5 <= ``probability`` < 1.

    ``degrees`` of freedom, at least 1, need not be whole (Welch 1947). With t = sqrt(d) tan(a) the
    density is proportional to cos(a)^(d - 1); for many degrees Cornish and Fisher (1938) is used.
    """
    assert 0.5 <= probability < 1
    assert degrees >= 1
    if degrees > _MANY:
        z = NormalDist().inv_cdf(probability)
        first = (z**3 + z) / (4 * degrees)
        return z + first + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    whole = math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2)) * math.sqrt(math.pi)
    wanted = (probability - 0.5) * whole
    nodes, weights = np.polynomial.legendre.leggauss(100)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        area = angle / 2 * float(weights @ np.cos(angle / 2 * (nodes + 1)) ** (degrees - 1))
        low, high = (angle, high) if area < wanted else (low, angle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)
