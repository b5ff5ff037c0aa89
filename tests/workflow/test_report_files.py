"""What `gapless report` leaves beside the page: cards, figures, a model to give away."""

from pathlib import Path

import pytest

from gapless.errors import RunError
from gapless.workflow import verbs

from .world import make_world


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = make_world(tmp_path_factory.mktemp("cards"))
    average = "training.average={type: ema, decay: 0.5}"
    return verbs.run(recipe, overrides=[average]).run_dir


def test_every_model_has_its_card(run: Path) -> None:
    cards = sorted(str(path.relative_to(run)) for path in (run / "cards").rglob("*.md"))
    assert cards == [
        "cards/DATA.md",
        "cards/alone-average/README.md",
        "cards/alone/README.md",
        "cards/replay-average/README.md",
        "cards/replay/README.md",
    ]
    before = {path: (run / path).read_bytes() for path in cards}
    verbs.report(run)
    assert before == {path: (run / path).read_bytes() for path in cards}
    text = (run / "cards" / "replay" / "README.md").read_text()
    assert "| `prose` |" in text
    assert str(run) not in text


@pytest.mark.parametrize("average", [False, True])
def test_a_model_is_given_away_with_its_cards(run: Path, tmp_path: Path, average: bool) -> None:
    from transformers import AutoModelForCausalLM

    out = verbs.export(run, tmp_path / "model", arm="replay", average=average)
    assert "replay" in (out / "README.md").read_text()
    assert (out / "DATA.md").is_file()
    model = AutoModelForCausalLM.from_pretrained(out)
    assert sum(p.numel() for p in model.parameters()) > 1000
    (training,) = (run / "artifacts").glob("training.replay-*")
    own = training / ("model-average" if average else "model") / "model.safetensors"
    assert (out / "model.safetensors").read_bytes() == own.read_bytes()
    assert not own.samefile(out / "model.safetensors")  # a copy: what is given away may be changed
    assert not (own.parent / "README.md").exists()  # artifacts never change


def test_an_export_says_what_it_cannot_do(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="several arms"):
        verbs.export(run, tmp_path / "a")
    with pytest.raises(RunError, match="no arm 'other'"):
        verbs.export(run, tmp_path / "a", arm="other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(RunError, match="not empty"):
        verbs.export(run, tmp_path / "full", arm="alone")
    assert not (tmp_path / "a").exists()


def test_the_figures_of_a_run_are_written(run: Path, tmp_path: Path) -> None:
    written = verbs.figures(run, tmp_path / "figures")
    names = {path.name for path in written}
    assert {"training-training-loss.svg", "gap-gain-against-forgetting.svg"} <= names
