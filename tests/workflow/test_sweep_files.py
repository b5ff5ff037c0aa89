"""The sweeps that are shown: each loads, and plans what it says it does."""

from pathlib import Path

import pytest

from gapless import assets
from gapless.recipe.sweep_trials import base_recipe, load_sweep, share_of, trials_of
from gapless.workflow.sweep import plan_sweep

FOLDER = Path(__file__).parents[2] / "sweeps"
SHOWN = sorted(FOLDER.glob("*.yaml"))


@pytest.fixture(autouse=True)
def _with_shipped_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that would have to be fetched is replaced by what ships with the package."""
    known = assets.locate
    shipped = known("diseases-small")
    assert shipped is not None
    monkeypatch.setattr(assets, "locate", lambda name: known(name) or shipped)


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: file.stem)
def test_a_shown_sweep_plans_and_says_so(file: Path, tmp_path: Path) -> None:
    sweep = load_sweep(file)
    plan = plan_sweep(file, run_dir=tmp_path / "run")
    assert sweep.name == file.stem
    assert len(plan.arms) == len(trials_of(sweep, base_recipe(sweep, file))) > 1
    assert f"gapless sweep sweeps/{file.name}" in file.read_text()
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_papers_settings_are_those_that_are_tried() -> None:
    def settings(name: str) -> list[dict]:
        file = FOLDER / f"{name}.yaml"
        sweep = load_sweep(file)
        trials = trials_of(sweep, base_recipe(sweep, file))
        return [dict(trial.settings) for trial in trials[:: sweep.seeds]]

    rates = [each["training.learning_rate"] for each in settings("paper1_learning_rate")]
    assert rates == sorted(rates)
    assert rates[-1] / rates[0] == pytest.approx(100)
    pairs = [tuple(each.values()) for each in settings("paper1_subset_epochs")]
    assert len(set(pairs)) == 3 * 5
    synthetic = [each[share_of("science")] for each in settings("paper2_synthetic_share")]
    assert sorted(synthetic) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    general = {each[share_of("docs")] for each in settings("paper2_synthetic_share")}
    assert general == {0.14}
