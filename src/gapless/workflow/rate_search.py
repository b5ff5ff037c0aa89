"""Short runs that differ in nothing but the learning rate, and the rate they speak for.

A search has a run folder of its own, beside that of its recipe, whose text it takes over. Its arms
are called by their rates. Their weights are dropped as soon as they are measured.
"""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from gapless.errors import RecipeError, RunError
from gapless.recipe import Recipe, decode
from gapless.recipe.mixtures import Reacting
from gapless.records.arm_journals import FAULTS, MEASUREMENTS, STEPS
from gapless.records.journal import Journal
from gapless.records.measurements import read_measurements
from gapless.records.views import Progress, RateRow, RateSearch
from gapless.workflow.run_folder import RECIPE_FILE, RunFolder
from gapless.workflow.stage import Stage
from gapless.workflow.tree import Tree

SUFFIX = "-rates"
_SCHEDULE = {"type": "constant", "warmup": 0.1}
_FEWEST_STEPS, _USUAL_STEPS = 20, 40
_NEAR_BEST = 0.9
"""Part of the best gain that a rate must reach to be proposed."""
_PARTS = 4
"""Into how many parts a run is cut to see whether its loss goes on falling."""


@dataclass(frozen=True)
class Range:
    """Which rates are tried, and for how long."""

    lowest: float
    highest: float
    count: int
    tokens: int | None = None
    """Tokens per rate; 40 steps when left out."""

    def rates(self) -> list[float]:
        """Return the rates, each as many times the one before, to three digits.

        Raises:
            RecipeError: there are none, or the range is upside down.

        """
        if not 0 < self.lowest < self.highest:
            raise RecipeError(
                f"there are no rates from {self.lowest:g} to {self.highest:g}",
                where="--from",
                mend="Give two rates above 0, the smaller one first.",
            )
        if self.count < 2:
            raise RecipeError("fewer than 2 rates cannot be compared", where="--count")
        ratio = (self.highest / self.lowest) ** (1 / (self.count - 1))
        return [float(f"{self.lowest * ratio**n:.2e}") for n in range(self.count)]


def name_of(rate: float) -> str:
    """Return the name of a rate's arm."""
    return f"{rate:.2e}".replace("+", "")


def search_recipe(recipe: Recipe, asked: Range) -> Recipe:
    """Return the recipe of a search: the recipe's first phase, in short, once for every rate.

    Raises:
        RecipeError: so few tokens are no run.

    """
    batch = recipe.training.batch_tokens
    tokens = _USUAL_STEPS * batch if asked.tokens is None else asked.tokens
    if tokens < _FEWEST_STEPS * batch:
        raise RecipeError(
            f"{tokens:,} tokens are {tokens // batch} steps of training.batch_tokens ({batch:,}); "
            f"fewer than {_FEWEST_STEPS} tell nothing about a rate",
            where="--tokens",
            mend=f"Give at least {_FEWEST_STEPS * batch:,}, or lower training.batch_tokens.",
        )
    tree = recipe.model_dump()
    first, mixture = tree["order"]["phases"][0], recipe.order.phases[0].mixture
    if isinstance(mixture, Reacting):
        first["mixture"] = mixture.start.model_dump()
    first |= {"tokens": tokens, "epochs": None, "learning_rate": None, "schedule": None}
    tree["order"] |= {"phases": [first], "changes": []}
    tree["training"] |= {"schedule": _SCHEDULE, "faults": {}, "average": None, "decay_from": None}
    tree["training"]["checkpoints"] = {"every": tokens}
    tree["probing"] |= {"every": tokens, "first": tokens, "budget": None}
    for probe in tree["probing"]["probes"]:
        probe["every"] = None
    tree["arms"] = {name_of(rate): {"training": {"learning_rate": rate}} for rate in asked.rates()}
    tree["name"] = f"{recipe.name[: 80 - len(SUFFIX)]}{SUFFIX}"
    return decode(tree, where=tree["name"])


def check_folder(folder: RunFolder, searched: Recipe) -> None:
    """Refuse a folder that holds anything but a search of the same recipe.

    An earlier search may have had other rates, tokens or settings: each of its arms stays as it is
    and is taken where it is the same.
    """
    if folder.path.is_dir() and not (folder.path / RECIPE_FILE).is_file():
        folder.check_recipe(searched)
    elif folder.path.is_dir() and folder.recipe().name != searched.name:
        raise RunError(
            f"the folder holds {folder.recipe().name!r}, no search of rates for this recipe",
            where=str(folder.path),
            mend="Choose another folder with --run-dir. Nothing there was changed.",
        )


def with_one_arm(tree: Tree) -> Tree:
    """Return the tree with its first arm only: no more than one has its weights on the disk."""
    return replace(tree, arms=dict([next(iter(tree.arms.items()))]))


def train_all(tree: Tree, *, progress: Progress, stop: Callable[[], bool]) -> None:
    """Train every arm that is not done; one that diverges does not end the others."""
    for arm in tree.arms.values():
        stage = arm.training
        if stage.is_done() or _diverged(stage):
            continue
        if stop():
            raise KeyboardInterrupt
        progress.stage(stage.label, stage.fingerprint[:7])
        try:
            stage.make()
        except RunError:
            if not _diverged(stage):
                raise
            progress.done(stage.label, "diverged")
        else:
            progress.done(stage.label, "")
        drop_weights(stage)


def _diverged(stage: Stage) -> bool:
    """Whether the training of an arm was stopped by a step that went wrong."""
    faults = Journal(stage.folder.partial_path / FAULTS).rows()
    return not stage.is_done() and any(fault["action"] == "stop" for fault in faults)


def drop_weights(stage: Stage) -> None:
    """Remove what a training that is measured has on the disk besides its journals."""
    from gapless.training.checkpoints import FOLDER
    from gapless.workflow.exporting import MODEL_FOLDER

    for name in (FOLDER, MODEL_FOLDER):
        for place in (stage.path, stage.folder.partial_path):
            shutil.rmtree(place / name, ignore_errors=True)


def outcome(tree: Tree, run_dir: Path) -> RateSearch:
    """Return what every rate came to, and the one to take."""
    losses = {name: _losses(arm.training) for name, arm in tree.arms.items()}
    lowest = next(iter(losses.values()))
    rows = tuple(
        _row(arm.recipe.training.learning_rate, arm.training, losses[name], lowest)
        for name, arm in tree.arms.items()
    )
    proposal, reason = propose(rows)
    first = next(iter(tree.arms.values())).recipe
    tokens = first.order.phases[0].tokens
    assert tokens is not None
    return RateSearch(
        run_dir=run_dir, tokens_per_rate=tokens, rows=rows, proposal=proposal, reason=reason
    )


def _losses(stage: Stage) -> list[float]:
    place = stage.path if stage.is_done() else stage.folder.partial_path
    return [row["loss"] for row in Journal(place / STEPS).rows()]


def _row(rate: float, stage: Stage, losses: list[float], lowest: list[float]) -> RateRow:
    if not stage.is_done():
        return RateRow(
            rate=rate, gain=None, forgetting=None, loss=None, steps=len(losses), state="diverged"
        )
    return RateRow(
        rate=rate,
        gain=_change(stage, "domain"),
        forgetting=_change(stage, "general"),
        loss=fmean(losses[-max(1, len(losses) // _PARTS) :]),
        steps=len(losses),
        state="rose" if rises_again(losses, lowest) else "fell",
    )


def _change(stage: Stage, role: str) -> float | None:
    """Return the mean improvement of a role's bits per byte from the base model to the end."""
    rows = [
        m
        for m in read_measurements(stage.path / MEASUREMENTS)
        if m.role == role and m.metric == "bits_per_byte"
    ]
    base = {m.probe: m.value for m in rows if m.tokens_seen == 0}
    end = max((m.tokens_seen for m in rows), default=0)
    changes = [base[m.probe] - m.value for m in rows if m.tokens_seen == end]
    return fmean(changes) if changes and end else None


def rises_again(losses: Sequence[float], lowest: Sequence[float]) -> bool:
    """Whether the last quarter's loss is above an earlier one's, or the smallest rate's.

    By two standard errors. Losses count against those of the smallest rate, step by step: the rows
    are the same, so what the text does to them goes out. Should that rate have diverged, they count
    as they are.
    """
    paired = len(lowest) == len(losses)
    values = [a - b for a, b in zip(losses, lowest, strict=True)] if paired else list(losses)
    size = len(values) // _PARTS
    if size < 2:
        return False
    parts = [values[begin : begin + size] for begin in range(0, _PARTS * size, size)]
    errors = [stdev(part) / size**0.5 for part in parts]
    means = [fmean(part) for part in parts]
    best = min(range(_PARTS), key=means.__getitem__)
    above_lowest = paired and means[-1] > 2 * errors[-1]
    return above_lowest or means[-1] > means[best] + 2 * math.hypot(errors[-1], errors[best])


def propose(rows: Sequence[RateRow]) -> tuple[float | None, str]:
    """Return the rate to take, and why; rows in the order of rates.

    The smallest rate that reaches nine tenths of the best domain gain: of rates that learn as much,
    the smaller one forgets less, and long runs want smaller rates than short ones (Bjorck et al.
    2024). Rates that diverged, or whose loss rose again, are out.
    """
    usable = [row for row in rows if row.state == "fell"]
    if not usable:
        return None, "No rate's loss fell to the end: search lower (--from, --to)."
    measured = all(row.gain is not None for row in usable)
    gains = {row.rate: _worth(row, usable, measured=measured) for row in usable}
    best = max(gains, key=gains.__getitem__)
    if gains[best] <= 0:
        return None, (
            "No rate improved on the base model: give each more --tokens, or search elsewhere "
            "(--from, --to)."
        )
    chosen = min(rate for rate, gain in gains.items() if gain >= _NEAR_BEST * gains[best])
    what = "domain gain" if measured else "fall of the training loss (no domain probe measured it)"
    reason = [
        f"The best {what} is at {best:g}. {chosen:g} is the smallest rate with at least "
        f"{_NEAR_BEST:.0%} of it: of rates that learn as much, the smaller one forgets less."
        if chosen != best
        else f"The best {what}, and no smaller rate reaches {_NEAR_BEST:.0%} of it."
    ]
    if best == rows[-1].rate:
        reason.append("The best is the highest rate tried: a higher one may be better (--to).")
    if best == rows[0].rate:
        reason.append("The best is the lowest rate tried: a lower one may be better (--from).")
    return chosen, " ".join(reason)


def _worth(row: RateRow, usable: Sequence[RateRow], *, measured: bool) -> float:
    """Return a rate's domain gain; without a probe, how far its loss is below the lowest rate's."""
    if measured:
        assert row.gain is not None
        return row.gain
    assert row.loss is not None
    assert usable[0].loss is not None
    return usable[0].loss - row.loss
