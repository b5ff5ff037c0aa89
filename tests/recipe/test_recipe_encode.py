import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.recipe import Recipe, decode, dump, json_schema, load
from gapless.recipe.yaml_lines import Dumper, read

from .test_recipe_arms import ARMS
from .test_recipe_files import SMALL, write

REPOSITORY = Path(__file__).parents[2]
RECIPES = sorted([*REPOSITORY.glob("recipes/*.yaml"), *REPOSITORY.glob("src/**/starters/*.yaml")])

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "no",
        "1e-5",
        "1_0",
        "0x1f",
        "2024-01-02",
        "1:30",
        "~",
        "",
        "=",
        "<<",
        "null",
        ".nan",
        "yes",
        "010",
    ]
)
names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,8}\Z") | st.sampled_from(["no", "1e5", "12"])
data: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    source_names = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    sources = {
        name: {"role": "domain", "path": draw(words), "held_out": draw(st.floats(0.001, 1))}
        for name in source_names
    }
    config = draw(st.dictionaries(words, data, max_size=3))
    tree = {
        "name": draw(names),
        "seed": draw(st.integers()),
        "model": {"type": "new", "config": config, "tokenizer": draw(words)},
        "sources": sources,
        "training": {"learning_rate": draw(st.floats(1e-300, 1)), "batch_tokens": 4096},
        "order": {"context": 16, "phases": [{"tokens": draw(st.integers(0, 10**15))}]},
        "arms": {"one": {"seed": draw(st.integers())}},
    }
    return decode(tree)


@settings(deadline=None, max_examples=40)
@given(recipes())
def test_what_is_dumped_loads_back_equal(recipe: Recipe) -> None:
    text = dump(recipe)
    tree, _ = read(text, "dumped")
    assert decode(tree) == recipe
    assert dump(decode(tree)) == text


@settings(deadline=None, max_examples=40)
@given(recipes())
def test_any_yaml_reader_sees_the_same_recipe(recipe: Recipe) -> None:
    assert decode(yaml.safe_load(dump(recipe))) == recipe


@pytest.mark.parametrize(
    "letter", ["\x85", "\u2028", "\u2029", "\ufeff", "\x00", "\n", "\t", "\ue000"]
)
def test_a_rare_letter_comes_back_wherever_it_stands(letter: str) -> None:
    for text in [letter, f"{letter}a", f"a{letter}", f"a {letter} a", f"- {letter}:"]:
        for tree in ([text], {text: text}):
            written = yaml.dump(tree, Dumper=Dumper, allow_unicode=True)
            assert read(written, "written")[0] == tree
            assert yaml.safe_load(written) == tree


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_a_shipped_recipe_loads_and_comes_back(path: Path, tmp_path: Path) -> None:
    recipe = load(path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump(recipe))
    assert load(copy) == recipe


def test_a_recipe_with_arms_comes_back(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, SMALL + ARMS))
    assert load(write(tmp_path, dump(recipe))) == recipe


def test_the_published_schema_is_current() -> None:
    text = (REPOSITORY / "docs" / "recipe.schema.json").read_text()
    mend = "run: gapless schema > docs/recipe.schema.json"
    assert text == json.dumps(json_schema(), indent=2) + "\n", mend


def test_the_schema_asks_for_a_type_wherever_decoding_does() -> None:
    parts = json_schema()["$defs"]
    assert "type" in parts["Cosine"]["required"]
    assert parts["Source"]["required"] == ["role", "path"]
