"""Variants in whole plans and runs: their own folder, and no trace in anybody else's."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gapless.cli.main import app
from gapless.errors import RecipeError, RunError
from gapless.recipe import load
from gapless.recipe.sweep_trials import base_recipe, load_sweep
from gapless.workflow import verbs
from gapless.workflow.run_folder import RECIPE_FILE, RunFolder
from tests.workflow.world import make_world

VARIANTS = """
variants:
  small:
    order: {context: 16}
    training: {batch_tokens: 64}
    arms: {replay: null}
  other:
    sources: {prose: {held_out: 30%}}
"""


def with_variants(recipe: Path) -> Path:
    recipe.write_text(recipe.read_text() + VARIANTS)
    return recipe


def test_variants_that_are_added_later_change_no_fingerprint_and_refuse_no_folder(
    tmp_path: Path,
) -> None:
    recipe = make_world(tmp_path)
    before = verbs.plan(recipe)
    folder = RunFolder(tmp_path / "runs" / "tiny")
    folder.claim(load(recipe), [])
    (folder.artifacts / "training.alone-000000000000").mkdir()
    with_variants(recipe)
    assert verbs.plan(recipe).stages == before.stages
    with pytest.raises(RunError, match=r"order\.context"):
        verbs.plan(recipe, variants=["small"], run_dir=folder.path)


def test_a_variant_has_a_folder_of_its_own_and_leaves_no_trace_but_its_name(
    tmp_path: Path,
) -> None:
    recipe = with_variants(make_world(tmp_path))
    result = verbs.run(recipe, variants=["small", "other"], until="tokens")
    assert result.run_dir == tmp_path / "runs" / "tiny-small-other"
    text = (result.run_dir / RECIPE_FILE).read_text()
    assert "variant" not in text
    assert "name: tiny-small-other" in text
    assert not (tmp_path / "runs" / "tiny").exists()
    kept = RunFolder(result.run_dir).recipe()
    assert kept == load(recipe, variants=["small", "other"])
    again = verbs.plan(recipe, variants=["small", "other"])
    assert {s.name: s.done for s in again.stages}["tokens.prose"]
    assert [arm.name for arm in again.arms] == ["alone"]


def test_a_variant_stands_on_what_the_recipe_has_made_where_it_changes_nothing(
    tmp_path: Path,
) -> None:
    recipe = with_variants(make_world(tmp_path))
    plain, other = (
        {stage.name: stage.detail for stage in verbs.plan(recipe, variants=names).stages}
        for names in ([], ["other"])
    )
    assert plain["documents.medicine"] == other["documents.medicine"]
    assert plain["tokens.medicine"] == other["tokens.medicine"]
    assert plain["documents.prose"] != other["documents.prose"]


def test_searching_a_rate_begins_with_the_variant(tmp_path: Path) -> None:
    recipe = with_variants(make_world(tmp_path))
    found = verbs.find_rate(recipe, variants=["small"], count=2, tokens=1280, overrides=["seed=1"])
    assert found.run_dir == tmp_path / "runs" / "tiny-small-rates"
    assert RunFolder(found.run_dir).recipe().order.context == 16


def test_synthesizing_begins_with_the_variant(tmp_path: Path) -> None:
    recipe = with_variants(make_world(tmp_path))
    with pytest.raises(RecipeError, match="no variant 'smal'"):
        verbs.synthesize(recipe, variants=["smal"])


@pytest.mark.parametrize("variant", ["small", "[other, small]"])
def test_a_sweep_may_be_of_a_variant(variant: str, tmp_path: Path) -> None:
    with_variants(make_world(tmp_path))
    file = tmp_path / "sweep.yaml"
    file.write_text(
        f"name: rates\nrecipe: recipe.yaml\nvariant: {variant}\narm: alone\n"
        "axes: [{path: training.learning_rate, type: values, values: [1.0e-3, 1.0e-4]}]\n"
    )
    base = base_recipe(load_sweep(file), file)
    assert base.order.context == 16
    assert (base.sources["prose"].held_out == 0.3) == ("other" in variant)


def test_the_command_names_the_variants_that_there_are_until_one_is_chosen(tmp_path: Path) -> None:
    recipe = with_variants(make_world(tmp_path))
    asked = CliRunner().invoke(app, ["plan", str(recipe)])
    assert asked.exit_code == 0, asked.output
    assert asked.output.splitlines()[-1] == "variants: small, other (--variant NAME)"
    chosen = CliRunner().invoke(app, ["plan", str(recipe), "--variant", "small"])
    assert chosen.exit_code == 0, chosen.output
    assert "--variant" not in chosen.output
    assert "tiny-small" in chosen.output
    unknown = CliRunner().invoke(app, ["run", str(recipe), "--variant", "smal"])
    assert unknown.exit_code == 2
    assert "Did you mean 'small'?" in unknown.output + unknown.stderr
