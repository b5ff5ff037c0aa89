"""What can be known to go wrong in an arm's training before anything is spent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gapless.errors import ModelError, RecipeError

if TYPE_CHECKING:
    from gapless.workflow.tree import Tree


def check_methods(tree: "Tree") -> None:
    """Refuse arms, still to be trained, whose method the model does not allow.

    No weights are loaded. What only the weights can tell is found out when the training begins.

    Raises:
        ModelError: with the place in the recipe, under ``arms`` where the arm says it.

    """
    from gapless.modeling import check_fits

    for name, arm in tree.arms.items():
        method = arm.recipe.training.method
        if method.type != "full" and not arm.training.is_done():
            with _told_at(tree, name):
                check_fits(method, tree.model.hollow())


def check_machine(tree: "Tree") -> None:
    """Refuse arms, still to be trained, whose training this machine does not allow.

    Raises:
        RecipeError: with the place in the recipe, under ``arms`` where the arm says it.

    """
    from gapless.training.compute import Compute
    from gapless.training.loss_choice import check_way

    for name, arm in tree.arms.items():
        training = arm.recipe.training
        if not arm.training.is_done():
            with _told_at(tree, name):
                check_way(training.loss, Compute.of(training).device)


@contextmanager
def _told_at(tree: "Tree", arm: str) -> Iterator[None]:
    """Put the arm before the place of a setting that it has changed."""
    changed = tree.recipe.arms.get(arm, {}).get("training") or {}
    try:
        yield
    except (ModelError, RecipeError) as error:
        room, _, setting = (error.where or "").partition(".")
        if room != "training" or setting.partition(".")[0] not in changed:
            raise
        where = f"arms.{arm}.{error.where}"
        raise type(error)(error.what, where=where, mend=error.mend) from error
