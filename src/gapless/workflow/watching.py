"""The hooks that only look: which of them a recipe asks for, and what they compare with."""

from collections.abc import Iterator, Mapping

from gapless.errors import RecipeError
from gapless.recipe import Recipe
from gapless.recipe.methods import BlockExpansion
from gapless.records.token_store import TokenStore
from gapless.training.compute import Compute
from gapless.training.hooks import Hook
from gapless.training.processes import ALONE, Processes
from gapless.workflow.base_model import BaseModel


def watchers(
    arm: Recipe,
    model: BaseModel,
    stores: Mapping[str, TokenStore],
    compute: Compute,
    processes: Processes = ALONE,
) -> Iterator[Hook]:
    """Give the hooks of ``training.watch``."""
    watch = arm.training.watch
    if watch.layers:
        yield _drift(arm, model)
    if watch.gradients:
        yield _conflict(arm, stores, compute, processes)


def _drift(arm: Recipe, model: BaseModel) -> Hook:
    from gapless.training.base_weights import StoredWeights
    from gapless.training.drift import Drift

    files = model.weight_files()
    # Block expansion numbers the layers anew; what it adds is compared with how it began.
    if not files or isinstance(arm.training.method, BlockExpansion):
        return Drift()
    return Drift(StoredWeights(files))


def _conflict(
    arm: Recipe, stores: Mapping[str, TokenStore], compute: Compute, processes: Processes
) -> Hook:
    from gapless.training.conflict import Conflict, fixed_batch

    batches = {}
    for role in ("domain", "general"):
        own = {s: stores[s] for s, source in arm.trained_sources.items() if source.role == role}
        batch = fixed_batch(own, role, seed=arm.seed, context=arm.order.context)
        if batch is None:
            raise RecipeError(
                f"there is no gradient of {role} text to look at: no document of a {role} source "
                "is held out",
                where="training.watch.gradients",
                mend=f"Add a source of role {role}, or take the setting out.",
            )
        batches[role] = batch
    return Conflict(
        batches["domain"],
        batches["general"],
        compute=compute,
        seed=arm.seed,
        processes=processes,
    )
