"""What the training of one arm takes over from another, instead of training it again.

An arm whose mixture was changed on the way goes on from what it was before; one whose decay begins
early, from its trunk: an arm beside it that is the same run until then. Either way, the result is
what it would be from the base on, bit for bit.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe
from gapless.recipe.schedules import Infinite, WarmupStableDecay
from gapless.records.fingerprint import of_value
from gapless.records.journal import Journal
from gapless.workflow.early_decay import check_early_decay, decay_token
from gapless.workflow.stage import Stage

NO_RESULT: Mapping[str, Any] = {
    "device": True,
    "compile": True,
    "micro_batch_tokens": True,
    "gradient_checkpointing": True,
    "loss": True,
    "attention": True,
    "sharding": True,
    "checkpoints": {"asynchronous"},
}
"""Settings of `training` that change no result but for rounding: how it is worked out, and where.
A run that does not fit into memory goes on with others."""
_OF_DECAY = ("decay", "shape", "final")
"""Settings of a schedule that change nothing before its decay."""


def trunks(arms: Mapping[str, Recipe]) -> dict[str, str]:
    """Return the name of each arm that decays early to that of its trunk, if it has one.

    A trunk differs from it in the decay at most, and decays last of those that do.
    """
    groups: dict[str, list[str]] = {}
    for name, arm in arms.items():
        if isinstance(arm.training.schedule, WarmupStableDecay | Infinite):
            groups.setdefault(_until_decay(arm), []).append(name)
    found: dict[str, str] = {}
    for names in groups.values():
        trunk = max(names, key=lambda name: arms[name].training.decay_from or float("inf"))
        early = [name for name in names if arms[name].training.decay_from is not None]
        found |= {name: trunk for name in early if name != trunk}
    return found


def _until_decay(arm: Recipe) -> str:
    """Return what two arms have in common that are the same run until one of them decays."""
    # An arm changes nothing of a recipe but these.
    tree = arm.model_dump(
        mode="json",
        include={"seed", "selection", "order", "training"},
        exclude={"training": NO_RESULT},
    )
    del tree["training"]["decay_from"]
    for name in _OF_DECAY:
        tree["training"]["schedule"].pop(name, None)
    return of_value(tree)


def shared_tokens(arm: Recipe, trunk: Recipe, total_tokens: int) -> int:
    """Return the tokens until which an arm and its trunk are the same run."""
    return min(decay_token(arm, total_tokens), decay_token(trunk, total_tokens))


def kept_steps(trunk: Recipe, early: Mapping[str, Recipe], total_tokens: int) -> frozenset[int]:
    """Return the steps after which a trunk's state is kept for the arms that decay earlier.

    Raises:
        RecipeError: one of them cannot decay where it is to: better now than after the trunk.

    """
    for name, arm in early.items():
        check_early_decay(arm, total_tokens, where=f"arms.{name}.")
    batch = trunk.training.batch_tokens
    steps = {shared_tokens(arm, trunk, total_tokens) // batch for arm in early.values()}
    return frozenset(steps - {0})


def place_of(stage: Stage) -> Path:
    """Return the folder of a training, done or under way; it may not be there yet."""
    return stage.path if stage.is_done() else stage.folder.partial_path


def tokens_taken_over(place: Path, *, until: int) -> int:
    """Return how far an arm comes by what is in another's folder; 0 for nothing."""
    from gapless.training.checkpoints import FOLDER, Checkpoints

    newest = Checkpoints(place / FOLDER, keep_last=1).newest(until=until)
    return 0 if newest is None else newest[1].tokens_seen


def go_on_from(others: Sequence[tuple[Path, int]], folder: Path, *, name: str) -> None:
    """Take over the newest state that others, each until a token, have for an arm called ``name``.

    An arm that has a state of its own goes on from that.
    """
    from gapless.training.checkpoints import FOLDER, Checkpoints

    ours = Checkpoints(folder / FOLDER, keep_last=1)
    if any(ours.folder.glob("step-????????")) or not others:
        return
    place, until = max(others, key=lambda other: tokens_taken_over(other[0], until=other[1]))
    newest = Checkpoints(place / FOLDER, keep_last=1).newest(until=until)
    if newest is None:
        return
    # The checkpoint comes last: without it, all of this is done again.
    checkpoint, state = newest
    _take_journals(place, folder, kept_tokens=state.tokens_seen, until=until, name=name)
    ours.adopt(checkpoint)


def _take_journals(place: Path, folder: Path, *, kept_tokens: int, until: int, name: str) -> None:
    from gapless.records.arm_journals import FAULTS, MEASUREMENTS, WHILE_TRAINING
    from gapless.records.artifact import link

    for journal in WHILE_TRAINING:
        last = until if journal == FAULTS else kept_tokens  # batches after `until` are others
        rows = [row for row in Journal(place / journal).rows() if row["tokens_seen"] <= last]
        if journal == MEASUREMENTS:
            rows = [row | {"arm": name} for row in rows]
        (folder / journal).unlink(missing_ok=True)
        if rows:
            Journal(folder / journal).append(*rows)
    for items in (place / "items").glob("*.npz"):
        if items.stem.isdecimal() and int(items.stem) <= kept_tokens:
            (folder / "items").mkdir(exist_ok=True)
            (folder / "items" / items.name).unlink(missing_ok=True)
            link(items, folder / "items" / items.name)
