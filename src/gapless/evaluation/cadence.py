"""When a run is measured: densely at first, where the stability gap opens, then evenly.

A `Cadence` is a ladder of the steps after which one probe is asked. Every rung lies within the one
above it: distances are twice as long, and when there is nothing left to double, early steps are
thinned. `within` climbs down, the dearest probe first, until a budget is kept. The way down is the
same for every budget, so a larger one never measures less.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """The steps after which a probe is asked, and how far they lie apart."""

    steps: tuple[int, ...]
    """Rising. Step 0, the base, is not listed; the last step of the run is."""
    distance: int | None
    """Steps between two of the even part; None where only early steps and the last are left."""


@dataclass(frozen=True)
class Cadence:
    """The ladder of one probe, as the recipe asks for it first."""

    rungs: tuple[Rung, ...]
    num_spaced: int
    """The first so many have other distances; in those after them early steps are thinned."""


def probe_steps(total_steps: int, first_steps: int, every_steps: int) -> list[int]:
    """Return the steps to measure after, in order. Step 0, the base, always is, and is not listed.

    The first is ``first_steps``; the distance to the next one then doubles until it reaches
    ``every_steps`` and stays there. The last step of the run is always measured.
    """
    if first_steps < 1 or every_steps < 1:
        raise ValueError(f"distances of {first_steps} and {every_steps} steps; both are at least 1")
    steps: list[int] = []
    step, distance = first_steps, first_steps
    while step < total_steps:
        steps.append(step)
        distance = min(2 * distance, every_steps)
        step += distance
    if total_steps > 0:
        steps.append(total_steps)
    return steps


def frequent(
    total_steps: int,
    first_steps: int,
    every_steps: int,
    *,
    grid: Sequence[int],
    more: Collection[int] = (),
    forced: Collection[int] = (),
) -> Cadence:
    """Return the ladder of a probe that is asked densely at first: `probe_steps` on a run's grid.

    ``more`` are steps at which it is asked as long as nothing is saved on it, ``forced`` those at
    which it always is.
    """
    planned = probe_steps(total_steps, first_steps, every_steps)[:-1]
    num_early = _num_early(first_steps, every_steps)
    early = [nearest(grid, step) for step in planned[:num_early]]
    even = [nearest(grid, step) for step in planned[num_early:]]
    ends = {*forced, total_steps}

    def rung(steps: Collection[int], distance: int | None) -> Rung:
        return Rung(tuple(sorted({*steps, *ends})), distance)

    spaced, factor = [rung({*early, *even, *more}, every_steps)], 1
    while spaced[-1].distance is not None:
        # Numbers before powers of two stay: distances go on doubling until they reach the new one.
        left = [number for number in range(1, len(even) + 1) if (number + 1) % factor == 0]
        doubling = {2**power - 1 for power in range(1, len(even).bit_length() + 1)}
        kept = {number for number in (*left, *doubling) if number <= len(even)}
        is_even = not kept <= doubling
        steps = {*early, *(even[number - 1] for number in kept)}
        spaced.append(rung(steps, factor * every_steps if is_even else None))
        factor *= 2
    spaced = _falling(spaced)
    thinned, stays = [], sorted({*spaced[-1].steps} - ends)
    while stays:
        stays = stays[1::2]
        thinned.append(rung(stays, None))
    return Cadence((*spaced, *thinned), len(spaced))


def rare(
    total_steps: int, every_steps: int, *, grid: Sequence[int], forced: Collection[int] = ()
) -> Cadence:
    """Return the ladder of a probe that is asked at multiples of its distance, and at the end.

    Multiples are moved to the nearest step of the run's grid, which other probes share.
    """
    rungs: list[Rung] = []
    distance = every_steps
    while not rungs or distance < 2 * total_steps:
        multiples = range(distance, total_steps, distance)
        steps = {*(nearest(grid, step) for step in multiples), *forced, total_steps}
        rungs.append(Rung(tuple(sorted(steps)), distance if multiples else None))
        distance *= 2
    found = _falling(rungs)
    return Cadence(tuple(found), len(found))


def nearest(grid: Sequence[int], step: int) -> int:
    """Return the step of a rising grid that is nearest, the earlier one of two."""
    place = bisect_left(grid, step)
    around = grid[max(0, place - 1) : place + 1]
    return min(around, key=lambda each: (abs(each - step), each))


def within(
    budget: float, trained: float, costs: Sequence[float], cadences: Sequence[Cadence]
) -> list[int]:
    """Return the rung of each probe on which measuring takes at most ``budget`` of all the cost.

    The probe that costs most on the way is asked half as often, again and again; early steps are
    thinned when no distance can be doubled. The base and the end stay: where these alone cost more,
    the lowest rungs are returned.

    Args:
        budget: a fraction of training and measuring together.
        trained: what training costs, in any unit.
        costs: of asking each probe once, in that unit.
        cadences: of the probes.

    """
    places = [0] * len(cadences)
    while share_of_measuring(trained, costs, steps_at(cadences, places)) > budget:
        for last in (lambda c: c.num_spaced, lambda c: len(c.rungs)):
            lower = _dearest(costs, cadences, places, last)
            if lower is not None:
                places[lower] += 1
                break
        else:
            break
    return places


def share_of_measuring(
    trained: float, costs: Sequence[float], steps: Sequence[Collection[int]]
) -> float:
    """Return the share of measuring, the base included, in the cost of it and of training."""
    measured = sum(cost * (1 + len(own)) for cost, own in zip(costs, steps, strict=True))
    return measured / (trained + measured) if measured else 0.0


def steps_at(cadences: Sequence[Cadence], places: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the steps of each probe on its rung."""
    return [each.rungs[place].steps for each, place in zip(cadences, places, strict=True)]


def _num_early(first_steps: int, every_steps: int) -> int:
    """Return how many steps come before the distances stop growing."""
    count, distance = 1, first_steps
    while 2 * distance < every_steps:
        count, distance = count + 1, 2 * distance
    return count


def _falling(rungs: Sequence[Rung]) -> list[Rung]:
    """Drop rungs that ask no less than the one above them."""
    found = [rungs[0]]
    for rung in rungs[1:]:
        if len(rung.steps) < len(found[-1].steps):
            found.append(rung)
    return found


def _dearest(
    costs: Sequence[float],
    cadences: Sequence[Cadence],
    places: Sequence[int],
    last: Callable[[Cadence], int],
) -> int | None:
    """Return the probe that costs most of those that can still be asked less."""
    takes = [
        (cost * len(cadence.rungs[place].steps), -number)
        for number, (cost, cadence, place) in enumerate(zip(costs, cadences, places, strict=True))
        if cost > 0 and place + 1 < last(cadence)
    ]
    return -max(takes)[1] if takes else None
