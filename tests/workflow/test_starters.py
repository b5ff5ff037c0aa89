"""Every recipe that is shown loads; those on shipped text plan and run."""

import re
from pathlib import Path

import pytest

from gapless import assets
from gapless.errors import RunError
from gapless.recipe import Recipe, arms, dump, load
from gapless.workflow import verbs
from gapless.workflow.starters import write_demo

ROOT = Path(__file__).parents[2]
SHOWN = sorted(
    [
        *(ROOT / "recipes").rglob("*.yaml"),
        *(ROOT / "examples").glob("*.yaml"),
        *(ROOT / "src/gapless/workflow/starters").glob("*.yaml"),
    ]
)


def test_there_are_recipes_to_test() -> None:
    assert {path.name for path in SHOWN} >= {"base.yaml", "demo.yaml", "starter.yaml"}


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_a_shown_recipe_loads_and_its_assets_exist(path: Path) -> None:
    recipe = load(path)
    assert arms(recipe)
    known = {asset.name for asset in assets.known()}
    named = [s.path if isinstance(s.path, str) else list(s.path) for s in recipe.sources.values()]
    flat = [p for paths in named for p in ([paths] if isinstance(paths, str) else paths)]
    for name in (p.removeprefix("asset:") for p in flat if p.startswith("asset:")):
        assert name in known


def test_what_the_starter_shows_as_comments_decodes_too(tmp_path: Path) -> None:
    text = (ROOT / "src/gapless/workflow/starters/starter.yaml").read_text()
    setting = re.compile(r"^( *)# ( *(?:[a-z_]+:|- \{).*)$", re.MULTILINE)
    whole = setting.sub(r"\1\2", text)
    assert len(setting.findall(text)) > 10
    recipe_path = tmp_path / "recipe.yaml"
    recipe_path.write_text(whole)
    recipe = load(recipe_path)
    assert list(recipe.scores) == ["closeness", "novelty"]
    assert list(recipe.selection) == ["mine"]
    assert list(arms(recipe)) == ["no_replay", "gentle"]


def test_the_offline_demo_is_the_demo_with_other_text() -> None:
    starters = ROOT / "src/gapless/workflow/starters"
    online, offline = load(starters / "demo.yaml"), load(starters / "demo_offline.yaml")
    assert list(arms(online)) == list(arms(offline))
    assert online.training == offline.training
    assert online.probing == offline.probing


def test_the_demo_replays_the_mixture_that_the_base_was_trained_on() -> None:
    base = load(ROOT / "recipes/base.yaml")
    demo = load(ROOT / "src/gapless/workflow/starters/demo.yaml")
    mixture = arms(demo)["subset_with_replay"].order.phases[0].mixture
    assert mixture.type == "replay"
    assert mixture.like is not None
    shares = base.order.phases[0].mixture
    assert shares.type == "shares"
    assert mixture.like == {name: pytest.approx(100 * shares.shares[name]) for name in mixture.like}
    for name in mixture.like:
        assert demo.sources[name].held_out == base.sources[name].held_out


@pytest.mark.parametrize("name", ["demo_offline.yaml", "starter.yaml"])
def test_a_starter_plans(name: str, tmp_path: Path) -> None:
    if name == "starter.yaml":
        recipe = verbs.init(tmp_path)[0]
        (tmp_path / "data/domain/one.txt").write_text("The heart has four chambers. " * 200)
    else:
        recipe = write_demo(tmp_path, offline=True)
    plan = verbs.plan(recipe)
    assert plan.parameters > 4_000_000
    assert all(arm.tokens > 0 for arm in plan.arms)


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    recipe = verbs.init(tmp_path)[0]
    recipe.write_text("name: mine")
    with pytest.raises(RunError, match="left as it is"):
        verbs.init(tmp_path)
    assert recipe.read_text() == "name: mine"


def test_the_demo_without_its_text_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAPLESS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RunError, match="gapless assets fetch pubmed2021"):
        verbs.demo(tmp_path / "demo")


def test_a_recipe_written_back_loads_equal() -> None:
    import yaml

    for path in SHOWN:
        recipe = load(path)
        assert Recipe.model_validate(yaml.safe_load(dump(recipe))) == recipe
