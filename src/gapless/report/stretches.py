"""The arithmetic of mixtures: shares over stretches of a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from gapless.report.content import MixturePoint


@dataclass(frozen=True)
class Stretch:
    """The shares of the tokens between two points of a run."""

    start: int
    end: int
    shares: dict[str, float]


def stretches(points: Iterable[MixturePoint]) -> list[Stretch]:
    """Return the run's stretches in order; neighbours with equal shares are one."""
    shares: dict[int, dict[str, float]] = {}
    for point in points:
        shares.setdefault(point.tokens_seen, {})[point.source] = point.share
    joined: list[Stretch] = []
    start = 0
    for end in sorted(shares):
        if end <= start:
            continue
        if joined and joined[-1].shares == shares[end]:
            joined[-1] = Stretch(joined[-1].start, end, shares[end])
        else:
            joined.append(Stretch(start, end, shares[end]))
        start = end
    return joined


def merged(found: list[Stretch], *, parts: int, marks: Iterable[int] = ()) -> list[Stretch]:
    """Return means over ``parts`` equal stretches of the run, when there are more than that.

    ``marks`` are places at which a stretch ends as well, so that a step there stays a step.
    """
    if len(found) <= parts:
        return found
    last = found[-1].end
    borders = {last * part // parts for part in range(parts + 1)}
    borders |= {mark for mark in marks if 0 < mark < last}
    made, first = [], 0
    for start, end in pairwise(sorted(borders)):
        sums: dict[str, float] = {}
        while found[first].end <= start:
            first += 1
        for stretch in found[first:]:
            if stretch.start >= end:
                break
            overlap = min(end, stretch.end) - max(start, stretch.start)
            for source, share in stretch.shares.items():
                sums[source] = sums.get(source, 0.0) + share * overlap / (end - start)
        made.append(Stretch(start, end, sums))
    return made
