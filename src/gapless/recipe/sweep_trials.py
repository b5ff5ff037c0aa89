"""A sweep's trials: what each sets, and the recipe whose arms they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import RecipeError
from gapless.recipe import overrides, yaml_lines
from gapless.recipe.arm_merge import MAIN, arms
from gapless.recipe.decode import decode, load
from gapless.recipe.mistakes import nearest
from gapless.recipe.part_files import load_part
from gapless.recipe.places import Origins
from gapless.recipe.schema import Recipe
from gapless.recipe.selections import Budgeted
from gapless.recipe.sweeps import Axis, Mixtures, Random, Sweep, Values
from gapless.seeds import stream

if TYPE_CHECKING:
    import numpy as np

_CANDIDATES = 400
"""Mixtures drawn for each that is taken."""
_MOST_TRIALS = 10_000
_ARM_KEYS = ("seed", "selection", "order", "training")


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    name: str
    """``t007-1``: setting 7, seed 1."""
    setting: int
    seed: int
    settings: Mapping[str, Any]
    """Path to value; of a mixture, ``share of SOURCE`` to its share."""


def load_sweep(path: Path) -> Sweep:
    """Read a sweep's file (see `load_part`)."""
    return load_part(path, Sweep)


def is_sweep(path: Path) -> bool:
    """Whether a file is a sweep's and not a recipe's: only a sweep has axes."""
    if not path.is_file():
        return False
    tree, _ = yaml_lines.read(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return isinstance(tree, dict) and "axes" in tree


def base_recipe(sweep: Sweep, place: Path) -> Recipe:
    """Return the recipe that every trial begins with, of one arm; ``place`` is the sweep's file.

    Raises:
        RecipeError: the recipe or the changes are wrong, or it has several arms and none is named.

    """
    variants = (sweep.variant,) if isinstance(sweep.variant, str) else sweep.variant
    known = arms(load(place.parent / sweep.recipe, variants=variants))
    if sweep.arm is None and list(known) != [MAIN]:
        raise RecipeError(
            f"{sweep.recipe} has {len(known)} arms",
            where=f"{place}: arm",
            mend=f"Name the one that trials begin with: {', '.join(known)}.",
        )
    name = sweep.arm or MAIN
    if name not in known:
        raise RecipeError(
            f"{sweep.recipe} has no arm {name!r}",
            where=f"{place}: arm",
            mend=nearest(name, known, kind="Its arms"),
        )
    tree = known[name].model_dump(mode="json")
    changes = [f"{path}={json.dumps(value)}" for path, value in sweep.changes.items()]
    overrides.apply(tree, Origins(str(place)), changes)
    return decode(tree, where=f"{place}: changes")


def with_matched_pools(sweep: Sweep, base: Recipe, pools: Mapping[str, int]) -> Recipe:
    """Return the recipe with pools as much smaller than the big run's as the trials are.

    ``pools`` are the tokens of each source that may be trained on. A selection to a budget gets its
    part of the budget, a source without one a random part of its documents.

    Raises:
        RecipeError: the trials' tokens are not known, or a selection has no budget to scale.

    """
    assert sweep.big_tokens is not None
    budgets = [phase.tokens for phase in base.order.phases]
    if None in budgets:
        what = "trials must have so many tokens for their pools to be matched, not epochs"
        mend = "Give every phase tokens, under `changes`: order.phases."
        raise RecipeError(what, where=f"sweep {sweep.name}: big_tokens", mend=mend)
    part = sum(tokens or 0 for tokens in budgets) / sweep.big_tokens
    tree = base.model_dump(mode="json")
    for name, tokens in pools.items():
        chosen = base.selection.get(name)
        if chosen is None:
            tree["selection"][name] = {"type": "random", "tokens": max(1, round(tokens * part))}
        elif isinstance(chosen, Budgeted):
            tree["selection"][name]["tokens"] = max(1, round(chosen.tokens * part))
        else:
            what = f"the selection of {name!r} has no budget that could be matched"
            raise RecipeError(what, where=f"sweep {sweep.name}: big_tokens")
    return decode(tree, where=f"sweep {sweep.name}")


def trials_of(sweep: Sweep, base: Recipe) -> list[Trial]:
    """Return the trials in order: settings one after another, each with all of its seeds."""
    settings = list(_settings(sweep, base.seed))
    if len(settings) * sweep.seeds > _MOST_TRIALS:
        raise RecipeError(
            f"{len(settings) * sweep.seeds:,} trials", where="axes", mend="Take fewer points."
        )
    return [
        Trial(f"t{number:03d}-{turn}", number, base.seed + turn, chosen)
        for number, chosen in enumerate(settings)
        for turn in range(sweep.seeds)
    ]


def sweep_recipe(sweep: Sweep, base: Recipe, trials: Sequence[Trial]) -> Recipe:
    """Return the recipe with one arm per trial: all share text, tokens, scores and the base.

    Raises:
        RecipeError: a path names nothing, a value is refused, or an arm may not change it.

    """
    tree = base.model_dump(mode="json", exclude={"arms"})
    tree["name"] = sweep.name
    tree["arms"] = {trials[0].name: _arm(trials[0], sweep, tree)}
    decode(tree, where=f"sweep {sweep.name}")  # a mistake of all trials is told once
    tree["arms"] = {trial.name: _arm(trial, sweep, tree) for trial in trials}
    return decode(tree, where=f"sweep {sweep.name}")


def _arm(trial: Trial, sweep: Sweep, tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a trial changes of the recipe."""
    own = json.loads(json.dumps(dict(tree)))
    own["seed"] = trial.seed
    for axis in sweep.axes:
        if isinstance(axis, Mixtures):
            shares = {name: trial.settings[share_of(name)] for name in axis.shares}
            path, value = (
                f"order.phases[{axis.phase}].mixture",
                {"type": "shares", "shares": shares},
            )
        else:
            path, value = axis.path, trial.settings[axis.path]
        overrides.apply(own, Origins("sweep"), [f"{path}={json.dumps(value)}"])
    changed: dict[str, Any] = _difference(tree, own)
    refused = [key for key in changed if key not in _ARM_KEYS]
    if refused:
        raise RecipeError(
            f"trials may not differ in {refused[0]}: all share the base, the text and the probes",
            where=f"sweep {sweep.name}: axes",
            mend=f"An axis may change {', '.join(_ARM_KEYS)}; set others once, under `changes`.",
        )
    return changed


def _difference(below: Any, above: Any) -> Any:
    """Return what an arm writes to make ``above`` of ``below``; the reverse of a merge."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    if below.get("type") != above.get("type"):
        return above
    return {
        key: _difference(below.get(key), value)
        for key, value in above.items()
        if key not in below or value != below[key]
    }


def share_of(source: str) -> str:
    """Return the name of a source's share among a trial's settings."""
    return f"share of {source}"


def _settings(sweep: Sweep, seed: int) -> Iterator[dict[str, Any]]:
    """Give each setting: a combination of the axes' points."""
    if isinstance(sweep.design, Random):
        count = sweep.design.settings
        columns = [_drawn(axis, count, sweep, seed) for axis in sweep.axes]
        rows: Any = zip(*columns, strict=True)
    else:
        rows = product(*(_points(axis, sweep, seed) for axis in sweep.axes))
    for row in rows:
        yield {path: value for point in row for path, value in point.items()}


def _points(axis: Axis, sweep: Sweep, seed: int) -> list[dict[str, Any]]:
    """Return an axis's points in a grid."""
    import numpy as np

    if isinstance(axis, Values):
        return [{axis.path: value} for value in axis.values]
    if axis.points is None:
        what = "a grid needs `points` of an axis without values"
        raise RecipeError(what, where=f"sweep {sweep.name}: axes ({axis.type})")
    if isinstance(axis, Mixtures):
        return _spread(axis, axis.points, sweep, seed)
    space = np.geomspace if axis.scale == "log" else np.linspace
    return [{axis.path: _short(x)} for x in space(axis.low, axis.high, axis.points).tolist()]


def _drawn(axis: Axis, count: int, sweep: Sweep, seed: int) -> list[dict[str, Any]]:
    """Return as many points of an axis as there are settings, in a random order."""
    import numpy as np

    of = axis.type if isinstance(axis, Mixtures) else axis.path
    drawn = stream(seed, "sweep", sweep.name, of)
    if isinstance(axis, Values):
        picks = drawn.permutation(np.arange(count) % len(axis.values)).tolist()
        return [{axis.path: axis.values[pick]} for pick in picks]
    if isinstance(axis, Mixtures):
        spread = _spread(axis, count, sweep, seed)
        return [spread[place] for place in drawn.permutation(count).tolist()]
    # One in each of as many equal parts: a Latin hypercube over the axes.
    parts = (drawn.permutation(count) + drawn.random(count)) / count
    if axis.scale == "log":
        values = axis.low * (axis.high / axis.low) ** parts
    else:
        values = axis.low + (axis.high - axis.low) * parts
    return [{axis.path: _short(x)} for x in values.tolist()]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _spread(axis: Mixtures, count: int, sweep: Sweep, seed: int) -> list[dict[str, Any]]:
    """Return mixtures far from one another: each time the candidate farthest from those taken.

    Where only two shares are free, at equal distances, both ends among them.
    """
    import numpy as np

    free = [name for name, (low, high) in axis.shares.items() if low < high]
    if len(free) == 2:
        return [_named(axis, shares) for shares in _between(axis, free[0], free[1], count)]
    candidates = _allowed(axis, count, sweep, seed)
    taken = [int(np.argmin(np.abs(candidates - candidates.mean(axis=0)).sum(axis=1)))]
    nearest_taken = np.full(len(candidates), np.inf)
    while len(taken) < count:
        distance = np.abs(candidates - candidates[taken[-1]]).sum(axis=1)
        nearest_taken = np.minimum(nearest_taken, distance)
        taken.append(int(np.argmax(nearest_taken)))
    return [_named(axis, candidates[place]) for place in taken]


def _between(axis: Mixtures, one: str, other: str, count: int) -> np.ndarray:
    """Return mixtures along the line of two free shares: float64, shape (count, sources)."""
    import numpy as np

    names = list(axis.shares)
    shares = np.array([pair[0] for pair in axis.shares.values()])
    left = 1 - sum(low for name, (low, _) in axis.shares.items() if name not in {one, other})
    (low, high), (least, most) = axis.shares[one], axis.shares[other]
    shares = shares[None].repeat(count, axis=0)
    shares[:, names.index(one)] = np.linspace(max(low, left - most), min(high, left - least), count)
    shares[:, names.index(other)] = left - shares[:, names.index(one)]
    return shares


def _allowed(axis: Mixtures, count: int, sweep: Sweep, seed: int) -> np.ndarray:
    """Return mixtures within the bounds, evenly at random: float64, shape (some, sources)."""
    import numpy as np

    drawn = stream(seed, "sweep", sweep.name, "mixtures")
    low, high = (np.array([pair[end] for pair in axis.shares.values()]) for end in (0, 1))
    free, found = 1 - low.sum(), np.zeros((0, len(low)))
    if free < 1e-9:
        return low[None].repeat(count, axis=0)
    for _ in range(100):
        some = low + free * drawn.dirichlet(np.ones(len(low)), size=_CANDIDATES * count)
        found = np.concatenate([found, some[(some <= high + 1e-12).all(axis=1)]])
        if len(found) >= 20 * count:
            return found[: _CANDIDATES * count]
    raise RecipeError(
        "hardly any mixture keeps to the greatest shares",
        where=f"sweep {sweep.name}: axes (mixtures)",
        mend="Widen them: their sum is close to 1.",
    )


def _named(axis: Mixtures, shares: np.ndarray) -> dict[str, float]:
    """Return shares to four digits that sum to 1."""
    rounded = [round(share, 4) for share in shares.tolist()]
    largest = rounded.index(max(rounded))
    rounded[largest] = round(1 - sum(rounded[:largest] + rounded[largest + 1 :]), 4)
    return {share_of(name): share for name, share in zip(axis.shares, rounded, strict=True)}
