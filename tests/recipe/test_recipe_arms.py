from pathlib import Path

import pytest

from gapless.recipe import Recipe, arms, load
from gapless.recipe.schedules import Constant, Cosine

from .test_recipe_files import SMALL, message, write

ARMS = """\
selection:
  pubmed: {type: random, tokens: 5k}
arms:
  plain: {}
  replay:
    seed: 4
    selection: {pubmed: {tokens: 1k}}
    order:
      phases:
        - epochs: 4
          mixture: {type: replay, general: 18%}
  flat:
    training: {schedule: {type: constant}, learning_rate: 3e-4}
    selection: {pubmed: {type: score, column: perplexity, tokens: 2k}}
"""


def with_arms(folder: Path, *overrides: str) -> Recipe:
    return load(write(folder, SMALL + ARMS), overrides)


def test_without_arms_the_recipe_is_the_only_one(tmp_path: Path) -> None:
    recipe = load(write(tmp_path))
    assert arms(recipe) == {"main": recipe}


def test_an_empty_arm_is_the_recipe_itself(tmp_path: Path) -> None:
    recipe = with_arms(tmp_path)
    built = arms(recipe)
    assert list(built) == ["plain", "replay", "flat"]
    assert built["plain"] == recipe.model_copy(update={"arms": {}})


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    recipe = with_arms(tmp_path, "order.phases=[{tokens: 1k}, {tokens: 2k}]")
    replay = arms(recipe)["replay"]
    assert replay.seed == 4
    selection = replay.selection["pubmed"].model_dump(exclude_none=True)
    assert selection == {"type": "random", "tokens": 1000}
    assert [phase.epochs for phase in replay.order.phases] == [4]
    assert replay.order.context == 128


def test_another_type_replaces_the_whole_part(tmp_path: Path) -> None:
    recipe = with_arms(tmp_path, "training.schedule={type: cosine, warmup: 0.3}")
    flat = arms(recipe)["flat"]
    assert flat.training.schedule.model_dump() == Constant(warmup=0.1).model_dump()
    assert flat.selection["pubmed"].type == "score"
    assert (flat.training.learning_rate, flat.training.batch_tokens) == (3e-4, 1024)


def test_the_same_type_merges(tmp_path: Path) -> None:
    recipe = with_arms(
        tmp_path,
        "training.schedule={type: cosine, warmup: 0.3}",
        "arms.plain.training.schedule={type: cosine, final: 0}",
    )
    schedule = arms(recipe)["plain"].training.schedule
    assert schedule == Cosine(warmup=0.3, final=0)


def test_a_setting_of_a_default_type_needs_no_type(tmp_path: Path) -> None:
    recipe = with_arms(tmp_path, "arms.plain.training.schedule.warmup=0.5")
    assert arms(recipe)["plain"].training.schedule.warmup == 0.5


@pytest.mark.parametrize("key", ["name", "model", "sources", "cleaning", "probing", "arms"])
def test_an_arm_may_not_change_what_all_arms_share(key: str, tmp_path: Path) -> None:
    found = message(write(tmp_path, SMALL + ARMS), f"arms.plain.{key}={{}}")
    assert found.endswith(
        f": arms.plain.{key}: an arm may not change this: all arms share the base, the text and "
        "the probes\n  An arm may change seed, selection, order, training."
    )


MISTAKES = {
    "arms.replay.trainin.x=1": (
        "arms.replay.trainin: there is no such setting\n  Did you mean 'training'?"
    ),
    "arms.flat.training.learning_rat=1": (
        "arms.flat.training.learning_rat: there is no such setting\n  Did you mean 'learning_rate'?"
    ),
    "arms.plain.order.phases=[{epochs: 0}]": (
        "arms.plain.order.phases[0].epochs: must be above 0, not 0"
    ),
    "arms.plain.training.clip_norm=true": (
        "arms.plain.training.clip_norm: must be a number, not true"
    ),
    "arms.plain.order.context=100": (
        "arms.plain.order.context: an arm may not change this: all arms are measured as the base "
        "is\n  Set it for the whole recipe."
    ),
    "arms.base={}": (
        "arms.base: an arm may not be called 'base': that is the base model's row in every table\n"
        "  Choose another name."
    ),
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_in_an_arm_is_at_its_place(override: str, tmp_path: Path) -> None:
    found = message(write(tmp_path, SMALL + ARMS), override)
    assert found.endswith(": " + MISTAKES[override])


def test_a_mistake_in_an_arm_has_its_line(tmp_path: Path) -> None:
    text = (SMALL + ARMS).replace("general: 18%", "general: 180%")
    assert message(write(tmp_path, text)).startswith(
        "recipe.yaml:22: arms.replay.order.phases[0].mixture.general: must be at most 1"
    )
