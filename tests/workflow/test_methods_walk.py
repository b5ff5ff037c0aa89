"""Each method against forgetting through a whole run, stopped on the way and not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import gapless
from gapless.errors import ModelError
from gapless.modeling import load_model
from tests.workflow.world import make_world

METHODS: dict[str, str] = {
    "full": "method={type: full}",
    "freeze_top": "method={type: freeze, part: top, layers: 1}",
    "freeze_bottom": "method={type: freeze, part: bottom, layers: 1, embeddings: true}",
    "lora": "method={type: lora, rank: 4, dropout: 0.1}",
    "dora": "method={type: lora, rank: 4, dora: true}",
    "blocks": "method={type: block_expansion, blocks: 2}",
    "pull": "pull=5",
    "average": "average={type: ema, decay: 0.8, every: 2}",
}
ONE_SHORT_ARM = [
    "arms={}",
    "order.phases=[{epochs: 1}]",
    "probing.every=1024",
    "training.checkpoints.every=1024",
]
FROZEN = {
    "freeze_top": ("model.layers.1.",),
    "freeze_bottom": ("model.layers.0.", "model.embed_tokens."),
    "lora": ("model.embed_tokens.", "lm_head.", "model.norm."),
    "dora": ("model.embed_tokens.", "lm_head.", "model.norm."),
}


class Stopping:
    """Progress of somebody who loses patience."""

    def __init__(self, after: int) -> None:
        self.left = after

    def stage(self, name: str, detail: str) -> None: ...
    def done(self, name: str, detail: str) -> None: ...
    def note(self, text: str) -> None: ...

    def training(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose data is ready and whose base is measured."""
    recipe = make_world(tmp_path_factory.mktemp("world"))
    gapless.run(recipe, overrides=ONE_SHORT_ARM, until="base")
    return recipe.parent


def run(folder: Path, name: str, *, progress: Any = None) -> Path:
    """Run the world's recipe with one method; return the artifact of its training."""
    overrides = [*ONE_SHORT_ARM, f"training.{METHODS[name]}"]
    gapless.run(folder / "recipe.yaml", overrides=overrides, progress=progress)
    (artifact,) = (folder / "runs/tiny/artifacts").glob("training.main-????????????")
    return artifact


@pytest.fixture(scope="module")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give the artifact of a method's run, made once."""
    made: dict[str, Path] = {}

    def artifact(name: str) -> Path:
        if name.endswith("ora"):
            pytest.importorskip("peft")
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "world"
            shutil.copytree(prepared, folder)
            made[name] = run(folder, name)
        return made[name]

    return artifact


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def base_of(artifact: Path) -> Path:
    return artifact.parents[3] / "base"


@pytest.mark.parametrize("name", METHODS)
def test_the_exported_model_is_a_plain_one_that_answers_as_measured(name: str, trained) -> None:
    from transformers import AutoTokenizer

    artifact = trained(name)
    model = load_model(artifact / "model").eval()
    assert model.config.num_hidden_layers == (4 if name == "blocks" else 2)
    assert len(AutoTokenizer.from_pretrained(artifact / "model")) == model.config.vocab_size
    assert not any("lora" in key for key in model.state_dict())
    values = domain_values(artifact / "measurements.jsonl")
    assert values[-1] < values[0] - 0.01, "the model must have learnt"
    assert measured(model, artifact) == pytest.approx(values[-1], rel=1e-4)


def domain_values(journal: Path) -> list[float]:
    rows = [json.loads(line) for line in journal.open()]
    return [r["value"] for r in rows if (r["probe"], r["metric"]) == ("medicine", "bits_per_byte")]


def measured(model: Any, artifact: Path) -> float:
    """Measure a model's last bits per byte again, as the run did."""
    from gapless.evaluation import Scorer, measure, read_probes
    from gapless.tokenization import load_tokenizer

    (probes,) = artifact.parent.glob("probes-????????????")
    scorer = Scorer(model, load_tokenizer(artifact / "model"), context=32, precision="fp32")
    found, _ = measure(scorer, read_probes(probes), arm="main", tokens_seen=0)
    (value,) = (m.value for m in found if (m.probe, m.metric) == ("medicine", "bits_per_byte"))
    return value


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_weights_are_the_base_s_to_the_bit_and_all_others_moved(name: str, trained) -> None:
    artifact = trained(name)
    before, after = weights(base_of(artifact)), weights(artifact / "model")
    assert before.keys() == after.keys()
    same = {key for key in before if torch.equal(before[key], after[key])}
    frozen = {key for key in before if key.startswith(FROZEN[name])}
    if name in ("lora", "dora"):  # norms have no adapters
        frozen |= {key for key in before if "layernorm" in key}
    assert same == frozen


def test_expansion_keeps_the_base_to_the_bit_between_its_blocks(trained) -> None:
    artifact = trained("blocks")
    before, after = weights(base_of(artifact)), weights(artifact / "model")
    places = {"layers.0.": "layers.0.", "layers.1.": "layers.2."}
    for key, tensor in before.items():
        here = next((key.replace(a, b) for a, b in places.items() if a in key), key)
        assert torch.equal(tensor, after[here])
    new = {key for key in after if "layers.1." in key or "layers.3." in key}
    assert len(after) == len(before) + len(new)
    assert all(after[key].count_nonzero() for key in new), "zero projections must have moved"


def test_pull_stays_nearer_to_the_base(trained) -> None:
    def distance(artifact: Path) -> float:
        before, after = weights(base_of(artifact)), weights(artifact / "model")
        return sum(float((after[key] - before[key]).square().sum()) for key in before)

    assert 0 < distance(trained("pull")) < 0.9 * distance(trained("full"))


def test_the_averaged_model_is_exported_and_measured_beside_the_model(trained) -> None:
    artifact = trained("average")
    assert not (trained("full") / "model-average").exists()
    own, average = weights(artifact / "model"), weights(artifact / "model-average")
    assert own.keys() == average.keys()
    assert not any(torch.equal(own[key], average[key]) for key in own)
    full = weights(trained("full") / "model")
    assert all(torch.equal(own[key], full[key]) for key in own), "the average only watches"
    rows = [json.loads(line) for line in (artifact / "average.jsonl").open()]
    steps = [json.loads(line) for line in (artifact / "steps.jsonl").open()]
    assert {row["tokens_seen"] for row in rows} == {steps[-1]["tokens_seen"]}
    model = load_model(artifact / "model-average").eval()
    values = domain_values(artifact / "average.jsonl")
    assert [measured(model, artifact)] == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_died_and_went_on_equals_one_that_never_stopped(
    name: str, trained, prepared: Path, tmp_path: Path
) -> None:
    whole = trained(name)
    shutil.copytree(prepared, tmp_path / "world")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "world", name, progress=Stopping(after=11))
    kept = (tmp_path / "world/runs/tiny/artifacts").glob("*.partial/checkpoints/step-*")
    assert [path.name for path in kept] == ["step-00000008"]
    resumed = run(tmp_path / "world", name)
    assert resumed.name == whole.name
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    same = [file for file in files if file.suffix in {".safetensors", ".jsonl"}]
    assert len(same) >= 5
    for file in same:
        if file.name != "speed.jsonl":
            assert (whole / file).read_bytes() == (resumed / file).read_bytes(), file


def test_a_method_that_does_not_fit_the_model_is_refused_before_work_is_spent(
    tmp_path: Path,
) -> None:
    recipe = make_world(tmp_path)
    overrides = [*ONE_SHORT_ARM, "training.method={type: freeze, part: top, layers: 9}"]
    for verb in (gapless.plan, gapless.run):
        with pytest.raises(ModelError, match="9 layers cannot be frozen: the model has 2"):
            verb(recipe, overrides=overrides)
    assert not (tmp_path / "runs").exists()
