"""The whole tree of a recipe's stages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe, arms
from gapless.records.fingerprint import FileHashes
from gapless.workflow import arm as arm_stages
from gapless.workflow import data
from gapless.workflow.base_model import BaseModel
from gapless.workflow.results import analysis_stage
from gapless.workflow.stage import Stage


@dataclass(frozen=True)
class ArmStages:
    """What one arm consists of."""

    recipe: Recipe
    base: Stage
    order: Stage
    training: Stage


@dataclass(frozen=True)
class Tree:
    """Every stage of a run."""

    recipe: Recipe
    model: BaseModel
    source_bytes: dict[str, int]
    """Source name to about how many bytes of text it has, before anybody has read it."""
    documents: dict[str, Stage]
    tokens: dict[str, Stage]
    probes: Stage
    arms: dict[str, ArmStages]
    analysis: Stage

    def stages(self) -> Iterator[Stage]:
        """Yield the stages in the order of work, each once."""
        yield from self.documents.values()
        yield from self.tokens.values()
        yield self.probes
        seen = set()
        for arm in self.arms.values():
            if arm.base.fingerprint not in seen:
                seen.add(arm.base.fingerprint)
                yield arm.base
        for arm in self.arms.values():
            yield arm.order
        for arm in self.arms.values():
            yield arm.training
        yield self.analysis


def build_tree(
    recipe: Recipe,
    *,
    recipe_dir: Path,
    root: Path,
    hashes: FileHashes,
    observe: Callable[[str, int], Any],
    stop: Callable[[], bool],
) -> Tree:
    """Return the stages of a recipe, whose artifacts are or will be under ``root``."""
    model = BaseModel(recipe, recipe_dir=recipe_dir)
    files = {name: data.files_of(source, recipe_dir) for name, source in recipe.sources.items()}
    documents = {
        name: data.documents_stage(
            name, source, recipe, files=files[name], root=root, hashes=hashes
        )
        for name, source in recipe.sources.items()
    }
    tokens = {
        name: data.tokens_stage(
            name, stage, tokenizer_dir=model.tokenizer_dir, root=root, hashes=hashes
        )
        for name, stage in documents.items()
    }
    probes = data.probes_stage(recipe, documents, recipe_dir=recipe_dir, root=root, hashes=hashes)
    built: dict[str, ArmStages] = {}
    for name, arm in arms(recipe).items():
        base = arm_stages.base_stage(arm, model, probes, root=root, hashes=hashes)
        order = arm_stages.order_stage(name, arm, tokens, root=root)
        training = arm_stages.training_stage(
            arm_stages.TrainingInputs(
                name=name,
                arm=arm,
                model=model,
                order=order,
                base=base,
                tokens=tokens,
                observe=observe,
                stop=stop,
            )
        )
        built[name] = ArmStages(arm, base, order, training)
    analysis = analysis_stage(
        {name: arm.training for name, arm in built.items()}, seed=recipe.seed, root=root
    )
    source_bytes = {name: data.estimate_bytes(paths) for name, paths in files.items()}
    return Tree(recipe, model, source_bytes, documents, tokens, probes, built, analysis)
