"""Variants of a recipe: what is chosen, what is left of it, and where mistakes are told."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import RecipeError
from gapless.recipe import Recipe, arms, decode, dump, load
from gapless.recipe.arm_merge import merge
from gapless.recipe.places import Origins
from gapless.recipe.variants import choose, variant_names

from .test_recipe_arms import ARMS
from .test_recipe_files import SMALL, message, write

PLAIN = SMALL + ARMS
VARIANTS = """\
variants:
  small:
    order: {context: 64}
    training:
      batch_tokens: 512
      schedule: {warmup: 0.5}
    sources:
      web: null
      books: {role: general, path: books.txt}
    arms: {replay: null, flat: {seed: 9}}
  fresh:
    name: from-nothing
    model: {type: new, tokenizer: t, config: {hidden_size: 8}}
    selection: {pubmed: null}
    arms: null
"""


def chosen(folder: Path, *names: str, overrides: tuple[str, ...] = ()) -> Recipe:
    return load(write(folder, PLAIN + VARIANTS), overrides, variants=names)


def test_a_recipe_whose_variants_are_not_chosen_is_as_if_it_had_none(tmp_path: Path) -> None:
    recipe = chosen(tmp_path)
    without = load(write(tmp_path, PLAIN))
    assert recipe == without
    assert dump(recipe) == dump(without)
    assert recipe.model_dump() == without.model_dump()
    assert "variants" not in dump(recipe)


def test_a_variant_changes_what_it_writes_and_nothing_else(tmp_path: Path) -> None:
    small = chosen(tmp_path, "small")
    by_hand = PLAIN.replace("name: small", "name: small-small")
    by_hand = by_hand.replace("context: 128", "context: 64")
    by_hand = by_hand.replace(
        "{batch_tokens: 1024}", "{batch_tokens: 512, schedule: {type: cosine, warmup: 0.5}}"
    )
    by_hand = by_hand.replace(
        "web: {role: general, path: web.jsonl}", "books: {role: general, path: books.txt}"
    )
    before, rest = by_hand.split("  replay:\n")
    by_hand = before + "  flat:\n    seed: 9" + rest.partition("  flat:")[2]
    assert "replay" not in by_hand
    assert small == load(write(tmp_path, by_hand))
    assert list(arms(small)) == ["plain", "flat"]
    assert arms(small)["flat"].seed == 9
    assert arms(small)["flat"].training.schedule.type == "constant"


def test_another_type_replaces_and_null_takes_out(tmp_path: Path) -> None:
    fresh = chosen(tmp_path, "fresh")
    assert fresh.name == "from-nothing"
    assert fresh.model.model_dump() == {
        "type": "new",
        "architecture": "llama",
        "config": {"hidden_size": 8},
        "tokenizer": "t",
    }
    assert fresh.selection == {}
    assert list(arms(fresh)) == ["main"]


def test_variants_are_applied_in_the_order_in_which_they_are_asked_for(tmp_path: Path) -> None:
    text = "variants:\n  a: {seed: 1, training: {clip_norm: 2}}\n  b: {seed: 2}\n"
    path = write(tmp_path, SMALL + text)
    found = {names: load(path, variants=names) for names in (("a", "b"), ("b", "a"), ("b",))}
    assert [(r.name, r.seed, r.training.clip_norm) for r in found.values()] == [
        ("small-a-b", 2, 2.0),
        ("small-b-a", 1, 2.0),
        ("small-b", 2, 1.0),
    ]


def test_overrides_come_after_the_variant(tmp_path: Path) -> None:
    sets = ("seed=4", "order.context=32", "name=mine", "arms.flat.seed=1")
    recipe = chosen(tmp_path, "small", overrides=sets)
    assert (recipe.seed, recipe.order.context, recipe.name) == (4, 32, "mine")
    assert recipe.training.batch_tokens == 512
    assert recipe.arms["flat"]["seed"] == 1


def test_an_override_does_not_reach_into_variants(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="once its variant is chosen") as caught:
        chosen(tmp_path, "small", overrides=("variants.small.seed=1",))
    assert caught.value.where == "--set variants.small.seed=1"


def test_null_is_a_value_where_it_may_stand(tmp_path: Path) -> None:
    text = SMALL.replace(
        "{type: pretrained, path: base}", "{type: new, tokenizer: t, config: {a: 1, b: 2}}"
    )
    change = "variants: {v: {model: {config: {a: null}}, decontamination: null, training: null}}\n"
    recipe = load(write(tmp_path, text.replace("128", "64") + change), variants=["v"])
    assert recipe.model.config == {"a": None, "b": 2}  # type: ignore[union-attr]
    assert recipe.decontamination is None
    assert recipe.training == Recipe.model_fields["training"].default


trees: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
configs = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(configs, configs)
def test_what_has_no_types_merges_as_in_an_arm(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    tree = {
        "name": "n",
        "model": {"type": "new", "tokenizer": "t", "config": below},
        "sources": {"web": {"role": "domain", "path": "x"}},
    }
    by_hand = {**tree, "model": {**tree["model"], "config": merge(below, above)}}  # type: ignore[dict-item]
    with_variant = {**tree, "variants": {"v": {"name": "n", "model": {"config": above}}}}
    assert decode(with_variant) == decode(tree)
    varied = choose(with_variant, Origins("recipe"), ["v"])
    assert decode(varied) == decode(by_hand)


def test_an_unknown_variant_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        chosen(tmp_path, "smal")
    assert str(caught.value) == (
        "--variant smal: there is no variant 'smal'\n  Did you mean 'small'?"
    )
    with pytest.raises(RecipeError, match="Its variants: small, fresh"):
        chosen(tmp_path, "x")
    with pytest.raises(RecipeError, match="The recipe has no `variants`"):
        load(write(tmp_path, PLAIN), variants=["x"])


MISTAKES = {
    "{trainin: {}}": "41: variants.v.trainin: there is no such setting\n  Did you mean 'training'?",
    "{order: {phases: [{epochs: 0}]}}": (
        "41: variants.v.order.phases[0].epochs: must be above 0, not 0"
    ),
    "\n    training:\n      clip_norm: true": (
        "43: variants.v.training.clip_norm: must be a number, not true"
    ),
    "\n    arms:\n      flat:\n        training: {learning_rat: 1}": (
        "44: variants.v.arms.flat.training.learning_rat: there is no such setting\n"
        "  Did you mean 'learning_rate'?"
    ),
    "{training: {batch_tokens: 1000}}": (
        "41: variants.v.training.batch_tokens: 1000 is not a multiple of order.context (128)\n"
        "  The nearest is 1024."
    ),
    "{sources: {pubmd: null}}": (
        "41: variants.v.sources.pubmd: there is nothing to take out\n  Did you mean 'pubmed'?"
    ),
    "{model: null}": "41: variants.v.model: is missing",
    "{variants: {}}": (
        "41: variants.v.variants: a variant has no variants of its own\n"
        "  Choose several at once: --variant A --variant B."
    ),
    "{arms: {replay: null, base: {}}}": (
        "41: variants.v.arms.base: an arm may not be called 'base': that is the base model's row "
        "in every table\n  Choose another name."
    ),
    "3": "41: variants.v: must be a mapping of names to values, not 3",
}


@pytest.mark.parametrize("change", MISTAKES)
def test_a_variant_is_checked_whether_it_is_chosen_or_not(change: str, tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN + VARIANTS + f"  v: {change}\n")
    wanted = f"recipe.yaml:{MISTAKES[change]}"
    assert message(path) == wanted
    for names in (["v"], ["small"]):
        with pytest.raises(RecipeError) as caught:
            load(path, variants=names)
        assert str(caught.value).replace(str(path), "recipe.yaml") == wanted


def test_what_only_two_variants_together_get_wrong_is_told_at_their_lines(tmp_path: Path) -> None:
    text = SMALL + (
        "variants:\n"
        "  long:\n"
        "    order: {context: 256}\n"
        "  little:\n"
        "    training: {batch_tokens: 128}\n"
    )
    path = write(tmp_path, text)
    for names in (["long"], ["little"]):
        load(path, variants=names)
    with pytest.raises(RecipeError) as caught:
        load(path, variants=["long", "little"])
    assert str(caught.value).startswith(f"{path}:16: training.batch_tokens: 128 is not a multiple")


def test_mistakes_of_the_recipe_itself_are_told_once(tmp_path: Path) -> None:
    path = write(tmp_path, (PLAIN + VARIANTS).replace("role: domain", "role: domian"))
    told = message(path)
    assert told.count("'domian'") == 1
    assert "variants" not in told


def test_a_recipe_that_is_only_right_with_its_variant_loads_with_it(tmp_path: Path) -> None:
    text = SMALL.replace("name: small\n", "") + "variants: {v: {name: given}}\n"
    assert "name: is missing" in message(write(tmp_path, text))
    assert load(write(tmp_path, text), variants=["v"]).name == "given"


@pytest.mark.parametrize(
    ("variants", "told"),
    [("3", "variants: must be a mapping"), ("{a b: {}}", "is not a name"), ("[]", "must be a")],
)
def test_variants_that_are_none_are_told(variants: str, told: str, tmp_path: Path) -> None:
    assert told in message(write(tmp_path, SMALL + f"variants: {variants}\n"))


def test_the_names_are_those_of_the_file(tmp_path: Path) -> None:
    assert variant_names(write(tmp_path, PLAIN + VARIANTS)) == ["small", "fresh"]
    assert variant_names(write(tmp_path, PLAIN)) == []


def test_plain_data_loses_its_variants_too() -> None:
    tree = {
        "name": "n",
        "model": {"type": "pretrained", "path": "b"},
        "sources": {"web": {"role": "domain", "path": "x"}},
        "variants": {"v": {"seed": 3}},
    }
    recipe = decode(tree)
    assert recipe.variants == {}
    assert tree["variants"] == {"v": {"seed": 3}}, "the data itself stays"
    assert Recipe.model_validate(recipe.model_dump()) == recipe


@pytest.mark.parametrize("size", [None, "many", True, 0])
def test_an_assumed_model_needs_a_vocabulary(size: Any, tmp_path: Path) -> None:
    config = {} if size is None else {"vocab_size": size}
    with pytest.raises(RecipeError, match="config needs vocab_size"):
        load(write(tmp_path), [f"model.assumed.config={config}"])
    sets = ["model.assumed.config={vocab_size: 5}", "sources.web.assumed_tokens=50B"]
    recipe = load(write(tmp_path), sets)
    assert recipe.model.assumed.config == {"vocab_size": 5}  # type: ignore[union-attr]
    assert recipe.sources["web"].assumed_tokens == 50_000_000_000
