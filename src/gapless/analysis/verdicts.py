"""Verdicts on claims: what the numbers of several seeds allow to say.

A part of a claim expects a number above, below or between bounds. With its interval over seeds
(Student's, 95 %) wholly where it is expected, the part is reproduced; wholly beyond a bound, not
reproduced; on both sides of one, inconclusive, and so is one that a seed could not tell: None, or
no finite number. A claim is reproduced when all its parts are, not reproduced when one is not.
"""

import math
from collections.abc import Sequence
from statistics import fmean, variance

from gapless.analysis.repeats import Part, t_interval
from gapless.recipe.claims import Expectation
from gapless.records.claim_views import PartRow, Verdict

LEVEL = 0.95


def judge_part(name: str, expected: Expectation, values: Sequence[float | None]) -> PartRow:
    """Return what the values of all seeds say of one expectation.

    A single value (of a claim where nothing is drawn) is its own interval.
    """
    values = [value if value is not None and math.isfinite(value) else None for value in values]
    told = [value for value in values if value is not None]
    mean = low = high = None
    verdict: Verdict = "inconclusive"
    if len(told) == len(values):
        mean, low, high = _interval(told)
        verdict = _verdict(expected, low, high)
    return PartRow(
        name=name,
        says=expected.says,
        unit=expected.unit,
        wanted=wanted(expected),
        values=tuple(values),
        mean=mean,
        low=low,
        high=high,
        verdict=verdict,
    )


def judge(parts: Sequence[PartRow]) -> Verdict:
    """Return the verdict on a claim."""
    found = {part.verdict for part in parts}
    if "not reproduced" in found:
        return "not reproduced"
    return "inconclusive" if "inconclusive" in found else "reproduced"


def wanted(expected: Expectation) -> str:
    """Spell out where a number is expected."""
    bounds = [("> ", expected.above), ("< ", expected.below)]
    return " and ".join(f"{sign}{bound:g}" for sign, bound in bounds if bound is not None)


def _interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its bounds."""
    mean = fmean(values)
    if len(values) == 1:
        return mean, mean, mean
    noise = Part(variance(values) / len(values), len(values) - 1)
    return mean, *t_interval(mean, [noise], level=LEVEL)


def _verdict(expected: Expectation, low: float, high: float) -> Verdict:
    above, below = expected.above, expected.below
    if (above is not None and high <= above) or (below is not None and low >= below):
        return "not reproduced"
    if (above is None or low > above) and (below is None or high < below):
        return "reproduced"
    return "inconclusive"
