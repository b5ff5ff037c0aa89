"""The whole tree of a recipe's stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gapless.mixing import Rule
from gapless.recipe import Recipe, arms
from gapless.workflow import data
from gapless.workflow.base_model import BaseModel
from gapless.workflow.contamination import contamination_stage
from gapless.workflow.plan_assumptions import files_or_assumed, unwritten
from gapless.workflow.pool import PoolStages
from gapless.workflow.probe_costs import BYTES_PER_TOKEN
from gapless.workflow.results import analysis_stage
from gapless.workflow.scores import ScoreStages
from gapless.workflow.stage import Stage, Workplace
from gapless.workflow.synthesis import Writing, synthesis_bytes, writings
from gapless.workflow.tree_arms import ArmsInputs, ArmStages, build_arms

if TYPE_CHECKING:
    from gapless.corpus import SourceFile


@dataclass(frozen=True)
class Tree:
    """Every stage of a run."""

    recipe: Recipe
    place: Workplace
    model: BaseModel
    source_bytes: dict[str, int]
    """Source name to about how many bytes of text it has, before anybody has read it."""
    assumed: dict[str, int]
    """Source that is not there to the tokens that the recipe assumes of it: in plans alone."""
    syntheses: dict[str, Writing]
    """What a language model writes; a run does those that sources are made of."""
    documents: dict[str, Stage]
    duplicates: Stage
    pools: dict[str, PoolStages]
    """Source that is trained on to what arms may draw from it."""
    probes: Stage
    contamination: Stage | None
    scores: tuple[Stage, ...]
    """Models of scores and the scores themselves, in the order of work."""
    arms: dict[str, ArmStages]
    analysis: Stage

    def written(self) -> Iterator[Writing]:
        """Yield the syntheses that sources are made of."""
        wanted = {self.recipe.synthesis_of(name) for name in self.documents}
        yield from (each for name, each in self.syntheses.items() if name in wanted)

    def data_stages(self) -> Iterator[Stage]:
        """Yield what must be there before tokens can be counted to the last one."""
        wanted = [
            *(d for name, d in self.documents.items() if not self.recipe.synthesis_of(name)),
            *(each.stage for each in self.written()),
            *self.documents.values(),
            self.duplicates,
            *(pool.tokens for pool in self.pools.values()),
            self.probes,
            *([] if self.contamination is None else [self.contamination]),
        ]
        yield from in_order(wanted)

    def stages(self) -> Iterator[Stage]:
        """Yield the stages in the order of work, each once."""
        done = set()
        for stage in self.data_stages():
            done.add(stage.label)
            yield stage
        yield from (stage for stage in self.scores if stage.label not in done)
        for arm in self.arms.values():
            yield arm.order
        seen = set()
        for arm in self.arms.values():
            if arm.base.fingerprint not in seen:
                seen.add(arm.base.fingerprint)
                yield arm.base
        for arm in sorted(self.arms.values(), key=lambda arm: arm.trunk is not None):
            yield arm.training
        yield self.analysis


def in_order(wanted: Iterable[Stage], done: set[str] | None = None) -> Iterator[Stage]:
    """Yield stages, before each one what it stands on, each label once."""
    done = set() if done is None else done
    for stage in wanted:
        if stage.label not in done:
            yield from in_order(stage.inputs.values(), done)
            done.add(stage.label)
            yield stage


def build_tree(
    recipe: Recipe,
    *,
    place: Workplace,
    observe: Callable[[str, int], Any],
    stop: Callable[[], bool],
    rules: Mapping[str, Rule] | None = None,
) -> Tree:
    """Return the stages of a recipe, whose artifacts are or will be at ``place``."""
    model = BaseModel(recipe, recipe_dir=place.recipe_dir, assumes=place.assumes)
    files, assumed = files_or_assumed(recipe, place)

    def documents_of(name: str, files: list[SourceFile] | Stage) -> Stage:
        return data.documents_stage(
            name,
            recipe.sources[name],
            recipe.cleaning,
            files=files,
            place=place,
            paragraphs=recipe.deduplication.paragraphs,
        )

    documents = {name: documents_of(name, files[name]) for name in files}
    syntheses = writings(recipe, documents, model=model, place=place)
    assumed |= unwritten(recipe, syntheses, place)
    documents = {
        name: documents_of(name, syntheses[made].stage) if made else documents[name]
        for name, made in ((name, recipe.synthesis_of(name)) for name in recipe.sources)
    }
    trained = {name: stage for name, stage in documents.items() if name in recipe.trained_sources}
    duplicates = data.duplicates_stage(recipe, trained, place)
    tokens = {
        name: data.tokens_stage(
            name,
            stage,
            chat=recipe.sources[name].chat,
            tokenizer_dir=model.tokenizer_dir if model.has_tokenizer else None,
            place=place,
        )
        for name, stage in trained.items()
    }
    scores = ScoreStages.of(recipe, documents, model=model, place=place)
    probes = data.probes_stage(recipe, trained, duplicates, scores.scores, place)
    contamination = contamination_stage(recipe, trained, probes, place)
    pools = {
        name: PoolStages(
            source=name,
            tokens=tokens[name],
            duplicates=duplicates,
            contamination=contamination,
            scores=scores.columns(name),
        )
        for name in trained
    }
    recipes = arms(recipe)
    built = build_arms(
        ArmsInputs(
            recipes=recipes,
            place=place,
            model=model,
            pools=pools,
            probes=probes,
            observe=observe,
            stop=stop,
            rules=rules or {},
        )
    )
    analysis = analysis_stage(
        {name: arm.training for name, arm in built.items()},
        recipes,
        seed=recipe.seed,
        root=place.root,
    )
    source_bytes = {
        name: data.estimate_bytes(files[name])
        if name in files
        else synthesis_bytes(recipe.synthesis[recipe.synthesis_of(name) or ""])
        for name in recipe.sources
    } | {name: round(tokens * BYTES_PER_TOKEN) for name, tokens in assumed.items()}
    return Tree(
        recipe=recipe,
        place=place,
        model=model,
        source_bytes=source_bytes,
        assumed=assumed,
        syntheses=syntheses,
        documents=documents,
        duplicates=duplicates,
        pools=pools,
        probes=probes,
        contamination=contamination,
        scores=tuple(scores.stages()),
        arms=built,
        analysis=analysis,
    )
