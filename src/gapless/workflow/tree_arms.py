"""The part of a tree that each arm has for itself: base, order, training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gapless.mixing import Rule
from gapless.recipe import Recipe
from gapless.workflow.arm import TrainingInputs, training_stage
from gapless.workflow.base_model import BaseModel
from gapless.workflow.going_on import trunks
from gapless.workflow.measuring import base_stage
from gapless.workflow.order import order_stage
from gapless.workflow.pool import PoolStages
from gapless.workflow.stage import Stage, Workplace


@dataclass(frozen=True)
class ArmStages:
    """What one arm consists of."""

    recipe: Recipe
    base: Stage
    order: Stage
    training: Stage
    trunk: str | None = None
    """The arm that this one, which decays early, is the same run as until then."""


@dataclass(frozen=True, kw_only=True)
class ArmsInputs:
    """What all arms of a run stand on."""

    recipes: Mapping[str, Recipe]
    """Arm name to its recipe."""
    place: Workplace
    model: BaseModel
    pools: Mapping[str, PoolStages]
    probes: Stage
    observe: Callable[[str, int], Any]
    stop: Callable[[], bool]
    rules: Mapping[str, Rule]


def build_arms(inputs: ArmsInputs) -> dict[str, ArmStages]:
    """Return the stages of each arm, in the order of the recipe."""
    trunk_of = trunks(inputs.recipes)
    built: dict[str, ArmStages] = {}
    for name in sorted(inputs.recipes, key=lambda name: name in trunk_of):  # trunks come first
        built[name] = _build_arm(inputs, name, trunk_of, built)
    return {name: built[name] for name in inputs.recipes}


def _build_arm(
    inputs: ArmsInputs, name: str, trunk_of: Mapping[str, str], built: Mapping[str, ArmStages]
) -> ArmStages:
    arm = inputs.recipes[name]
    base = base_stage(arm, inputs.model, inputs.probes, inputs.place)
    trunk = built.get(trunk_of.get(name, ""))
    training: Stage | None = None
    for changed in _as_changed(arm):
        order = order_stage(name, changed, inputs.pools, inputs.place)
        stands_on = TrainingInputs(
            name=name,
            arm=changed,
            model=inputs.model,
            order=order,
            base=base,
            tokens={source: pool.tokens for source, pool in inputs.pools.items()},
            observe=inputs.observe,
            stop=inputs.stop,
            rules=inputs.rules,
            before=training,
            trunk=None if trunk is None else (trunk.recipe, trunk.training),
            early={other: inputs.recipes[other] for other in trunk_of if trunk_of[other] == name},
        )
        training = training_stage(stands_on)
    assert training is not None, "an arm is there as it is, whatever was changed"
    return ArmStages(arm, base, order, training, trunk_of.get(name))


def _as_changed(arm: Recipe) -> Iterator[Recipe]:
    """Yield an arm as it was before each of its changes of mixture, and as it is."""
    for count in range(len(arm.order.changes) + 1):
        order = arm.order.model_copy(update={"changes": arm.order.changes[:count]})
        yield arm.model_copy(update={"order": order})
