from pathlib import Path

import pytest

from gapless.recipe import Recipe, load
from gapless.recipe.probes import BitsPerByte

from .test_recipe_files import SMALL, message, write


def overridden(folder: Path, *overrides: str) -> Recipe:
    return load(write(folder), overrides)


def test_a_value_is_yaml(tmp_path: Path) -> None:
    recipe = overridden(tmp_path, "training.learning_rate=1e-4", "sources.pubmed.path=[a, b]")
    assert recipe.training.learning_rate == 1e-4
    assert recipe.sources["pubmed"].path == ("a", "b")


def test_the_last_of_two_wins(tmp_path: Path) -> None:
    assert overridden(tmp_path, "seed=1", "seed=2").seed == 2


def test_a_part_left_out_begins_as_its_default_type(tmp_path: Path) -> None:
    schedule = overridden(tmp_path, "training.schedule.warmup=0.3").training.schedule
    assert (schedule.type, schedule.warmup) == ("cosine", 0.3)
    probes = overridden(tmp_path, "probing.probes.0.bytes_per_source=1k").probing.probes
    assert probes == (BitsPerByte(bytes_per_source=1000),)


def test_a_phase_left_out_takes_the_given_budget_alone(tmp_path: Path) -> None:
    (phase,) = overridden(tmp_path, "order.phases.0.tokens=1M").order.phases
    assert (phase.tokens, phase.epochs) == (1_000_000, None)
    assert overridden(tmp_path, "order.phases[0].tokens=1M").order.phases == (phase,)


def test_new_names_may_be_made_where_names_are_free(tmp_path: Path) -> None:
    recipe = overridden(
        tmp_path,
        "arms.fast.training.learning_rate=1e-3",
        "selection.pubmed={type: random, tokens: 5k}",
        "order.phases.0={tokens: 1k, mixture: {type: shares, shares: {pubmed: 1}}}",
        "order.phases.0.mixture.shares.web=0%",
    )
    assert recipe.arms == {"fast": {"training": {"learning_rate": 1e-3}}}
    assert recipe.selection["pubmed"].tokens == 5000
    assert recipe.order.phases[0].mixture.shares == {"pubmed": 1, "web": 0}  # type: ignore[union-attr]


def test_a_name_with_dots_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("web:", "web.en:"))
    assert load(path, ["sources.web.en.text=body"]).sources["web.en"].text == "body"


MISTAKES = {
    "training.learnin_rate=1": (
        "--set training.learnin_rate=1: training.learnin_rate: there is no such setting\n"
        "  Did you mean 'learning_rate'?"
    ),
    "trainin.learning_rate=1": (
        "--set trainin.learning_rate=1: trainin: there is no such setting\n"
        "  Did you mean 'training'?"
    ),
    "order.phases.1.tokens=1M": (
        "--set order.phases.1.tokens=1M: order.phases is a list; '1' is no index of it (only 0)"
    ),
    "name.x=3": (
        "--set name.x=3: name is a single value; nothing is below it\n"
        "  Set it whole: --set name=..."
    ),
    "seed": (
        "--set seed: an override is a path, '=' and a value\n"
        "  Write it like --set training.learning_rate=1e-4"
    ),
    "a..b=1": (
        "--set a..b=1: an override is a path, '=' and a value\n"
        "  Write it like --set training.learning_rate=1e-4"
    ),
    "seed=[1": (
        "--set seed=[1: this is not YAML: expected ',' or ']', but got '<stream end>' "
        "(while parsing a flow sequence)"
    ),
    "order.context=1": "--set order.context=1: order.context: must be at least 2, not 1",
    "sources.pubmed.text=": (
        "--set sources.pubmed.text=: sources.pubmed.text: is empty\n"
        "  Write a value, or leave the key out."
    ),
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_names_the_override(override: str, tmp_path: Path) -> None:
    assert message(write(tmp_path), override) == MISTAKES[override]


def test_an_empty_list_has_no_index(tmp_path: Path) -> None:
    found = message(write(tmp_path), "order.phases=[]", "order.phases.0.tokens=1")
    assert found.endswith("order.phases is a list; '0' is no index of it (none: it is empty)")


def test_a_mistake_beside_the_override_keeps_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("128", "1"))
    assert message(path, "order.max_repetition=2").startswith("recipe.yaml:10: order.context")
