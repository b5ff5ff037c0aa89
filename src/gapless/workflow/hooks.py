"""The table of hooks: which of them a recipe asks for.

To add one: its setting in `recipe/training.py`, its class in `training/`, one line here.
"""

from collections.abc import Mapping

from gapless.recipe import Recipe
from gapless.records.token_store import TokenStore
from gapless.training.average import Average
from gapless.training.compute import Compute
from gapless.training.hooks import Hook
from gapless.training.processes import ALONE, Processes
from gapless.training.pull import Pull
from gapless.workflow.base_model import BaseModel
from gapless.workflow.watching import watchers


def hooks_of(
    arm: Recipe,
    model: BaseModel,
    stores: Mapping[str, TokenStore],
    compute: Compute,
    processes: Processes = ALONE,
) -> list[Hook]:
    """Return the hooks of one arm, in the order in which they act after a step."""
    return [*benders(arm), *watchers(arm, model, stores, compute, processes)]


def benders(arm: Recipe) -> list[Hook]:
    """Return the hooks that change weights, then the one that averages them."""
    training, hooks = arm.training, list[Hook]()
    if training.pull:
        hooks.append(Pull(training.pull))
    if training.average is not None:
        hooks.append(Average(training.average))
    return hooks
