"""Configs of other tools become recipes that decode, and nothing of them is lost in silence."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from gapless.errors import RecipeError, RunError
from gapless.interchange import import_config
from gapless.interchange.recipe_text import UNNAMED
from gapless.recipe import Recipe, decode, load
from gapless.recipe.methods import Freeze, Full, Lora
from gapless.recipe.mixtures import Shares
from gapless.workflow.import_config import import_config as import_verb

CONFIGS = Path(__file__).parent / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))
assert len(FILES) == 6


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configs beside their data, and nothing else in sight."""
    shutil.copytree(CONFIGS, tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    return tmp_path / "there"


def imported(world: Path, name: str, **options: Any) -> tuple[Recipe, str, dict[str, str]]:
    made = import_config(world / f"{name}.yaml", recipe_dir=world, **options)
    left = {each.key: each.reason for each in made.left_out}
    return decode(yaml.safe_load(made.text)), made.text, left


def config_of(tmp_path: Path, **keys: Any) -> Path:
    path = tmp_path / "it.yaml"
    path.write_text(yaml.safe_dump(keys))
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_of_a_config_is_named_in_the_recipe(world: Path, path: Path) -> None:
    tree = yaml.safe_load(path.read_text())
    text = import_config(world / path.name, recipe_dir=world).text
    named, _, whole = text.partition(UNNAMED)
    comments = "\n".join(line.partition("#")[2] for line in named.splitlines())
    unnamed = {key for key in tree if key not in comments}
    # They are in the recipe as what they come to: its sources, their paths, how it packs.
    assert unnamed <= {"stage", "datasets", "pretraining_dataset", "dataset_dir"}
    assert {key for key in whole.strip().split(", ") if key} == unnamed
    assert len(tree) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_run_needs_beside_is_left_as_a_commented_place(world: Path, path: Path) -> None:
    text = import_config(world / path.name, recipe_dir=world).text
    lines = text.splitlines()
    begin = lines.index("  # background:")
    extra = [line.replace("# ", "", 1) for line in lines[begin : begin + 4]]
    asked = next(line for line in lines if "mixture: {type: replay" in line)
    mixture = "      " + asked.partition("mixture:")[1] + asked.partition("mixture:")[2]
    whole = [*lines[:begin], *extra, *lines[begin + 4 :]]
    shares = any(line.strip().startswith("mixture:") for line in lines)
    if not shares:
        whole[whole.index(asked)] = mixture
    recipe = decode(yaml.safe_load("\n".join(whole)))
    assert recipe.sources["background"].role == "general"
    assert recipe.order.phases[0].mixture.type == ("shares" if shares else "replay")


def test_a_pre_training_of_adapters(world: Path) -> None:
    recipe, text, left = imported(world, "llama_factory_pt_lora")
    assert recipe.name == "llama3-8b-lora-law"
    assert recipe.model.path == "models/Meta-Llama-3-8B"  # type: ignore[union-attr]
    assert "hf download meta-llama/Meta-Llama-3-8B --local-dir models/Meta-Llama-3-8B" in text
    assert list(recipe.sources) == ["law_raw"]
    source = recipe.sources["law_raw"]
    assert (source.path, source.text, source.held_out) == ("data/law_raw.jsonl", "content", 0.01)
    assert source.chat is None
    assert (recipe.order.context, recipe.order.packing) == (4096, "cut")
    assert recipe.order.phases[0].epochs == 2
    training = recipe.training
    assert training.batch_tokens == 2 * 8 * 4096
    assert training.micro_batch_tokens == 2 * 4096
    assert training.learning_rate == 1e-4
    assert training.schedule.model_dump(include={"type", "warmup", "final"}) == {
        "type": "cosine",
        "warmup": 0.05,
        "final": 0.0,
    }
    method = training.method
    assert isinstance(method, Lora)
    assert (method.rank, method.dropout, method.targets) == (64, 0.05, ("q_proj", "v_proj"))
    assert method.alpha / method.rank == pytest.approx(128 / math.sqrt(64))  # rank-stabilised
    assert (training.betas, training.weight_decay) == ((0.9, 0.999), 0.0)  # the tool's defaults
    assert training.precision == "bf16"
    assert training.gradient_checkpointing
    assert training.checkpoints.every == 500 * training.batch_tokens
    assert recipe.probing.every == 250 * training.batch_tokens
    assert {"max_samples", "additional_target", "trust_remote_code"} <= left.keys()
    assert not {"lora_rank", "cutoff_len", "warmup_ratio", "seed"} & left.keys()


def test_a_mixture_of_data_sets_in_steps(world: Path) -> None:
    recipe, _, left = imported(world, "llama_factory_pt_full", devices=8)
    phase = recipe.order.phases[0]
    assert isinstance(phase.mixture, Shares)
    assert phase.mixture.shares == {"law_raw": 0.5, "wiki_raw": 0.3, "stories": 0.2}
    assert recipe.training.batch_tokens == 1 * 4 * 8 * 8192
    assert phase.tokens == 5000 * recipe.training.batch_tokens
    assert recipe.sources["wiki_raw"].path == "hf://datasets/someone/wiki"
    assert recipe.sources["stories"].path == "data/stories.txt"
    schedule = recipe.training.schedule
    assert schedule.warmup == 100 * recipe.training.batch_tokens
    assert schedule.final == 0.1  # type: ignore[union-attr]
    training = recipe.training
    assert (training.betas, training.weight_decay, training.clip_norm) == ((0.9, 0.95), 0.1, 0.5)
    assert (training.weights, training.precision) == ("bf16", "bf16")
    assert isinstance(training.method, Full)
    assert not training.gradient_checkpointing
    assert training.checkpoints.every == 500 * training.batch_tokens  # a tenth of 5000 steps
    assert training.checkpoints.keep_last == 3
    assert [tracker.type for tracker in recipe.logging] == ["wandb", "tensorboard"]
    assert recipe.seed == 7
    assert "dataset_info.json: wiki_raw.subset" in left
    assert "use_swanlab" in left


def test_answers_with_frozen_layers(world: Path) -> None:
    recipe, text, left = imported(world, "llama_factory_sft_freeze")
    assert recipe.model.path == "base"  # type: ignore[union-attr]
    method = recipe.training.method
    assert isinstance(method, Freeze)
    assert (method.part, method.layers) == ("bottom", 10)  # of 12, the last 2 learn
    chats = {name: source.chat for name, source in recipe.sources.items()}
    forms = {name: (chat.format, chat.columns) for name, chat in chats.items() if chat}
    assert forms == {
        "answers_en": ("alpaca", {}),
        "asked": ("alpaca", {"instruction": "q", "input": "context", "output": "a"}),
        "talks": ("sharegpt", {"conversations": "turns", "system": "about"}),
        "open_talks": ("messages", {}),
        "unknown_set": ("auto", {}),
    }
    assert {chat.learn for chat in chats.values() if chat} == {"all"}
    assert recipe.sources["answers_en"].path == "data/answers_en.jsonl"
    assert recipe.sources["unknown_set"].path == "data/unknown_set"  # nowhere told of, so here
    assert "jq -c '.[]' data/answers_en.json > data/answers_en.jsonl" in text
    assert recipe.sources["talks"].held_out == 0.02
    assert recipe.order.packing == "best_fit"
    assert recipe.training.optimizer == "adamw_8bit"
    expected = {"template", "fp16", "val_size", "neftune_noise_alpha", "freeze_extra_modules"}
    columns = {"dataset_info.json: asked.columns.history", "dataset_info.json: talks.columns.tools"}
    assert expected | columns | {"dataset_info.json: talks.num_samples"} <= left.keys()


def test_text_with_all_weights(world: Path) -> None:
    recipe, _, left = imported(world, "axolotl_completion")
    assert recipe.sources["law"].text == "body"
    others = [source for name, source in recipe.sources.items() if name != "law"]
    assert [source.path for source in others] == [("data/law_raw.jsonl", "more/others.jsonl")]
    assert recipe.order.phases[0].epochs == 4
    training = recipe.training
    assert training.learning_rate == 2e-5  # YAML's 2e-5 is text
    assert training.schedule.final == 0.1  # type: ignore[union-attr]
    assert training.schedule.warmup == 100 * 8 * 8192
    assert (training.optimizer, training.weight_decay) == ("adamw_8bit", 0.05)
    assert isinstance(training.method, Full)
    assert recipe.logging[0].model_dump() == {
        "type": "wandb",
        "project": "law",
        "entity": "lawyers",
        "mode": "online",
    }
    assert {"unfrozen_parameters", "special_tokens", "fsdp_config"} <= left.keys()


def test_conversations_with_adapters(world: Path) -> None:
    recipe, text, left = imported(world, "axolotl_chat_qlora")
    forms = {
        name: (source.chat.format, source.chat.columns, source.chat.learn)
        for name, source in recipe.sources.items()
        if source.chat
    }
    assert forms == {
        "talks": ("sharegpt", {}, "all"),
        "asked": ("alpaca", {}, "all"),
        "asked-2": ("alpaca", {"instruction": "q", "output": "a"}, "all"),
        "pairs": ("question_answer", {}, "all"),
        "odd": ("auto", {}, "all"),
    }
    method = recipe.training.method
    assert isinstance(method, Lora)
    assert (method.rank, method.alpha, method.dora, method.targets) == (32, 16, True, None)
    assert (recipe.training.precision, recipe.training.weights) == ("bf16", "fp32")
    expected = {"load_in_4bit", "lora_modules_to_save", "lr_scheduler", "optimizer"}
    assert expected | {"mystery_setting", "chat_template", "datasets: asked.shards"} <= left.keys()
    assert "mystery_setting: [1, 2]" in text


def test_a_stream_of_text(world: Path) -> None:
    recipe, _, left = imported(world, "axolotl_pretraining")
    assert list(recipe.sources) == ["c4"]
    assert recipe.sources["c4"].path == "hf://datasets/someone/c4"
    assert recipe.sources["c4"].text == "content"
    step = 4 * 2048
    assert recipe.order.phases[0].tokens == 2000 * step
    assert recipe.training.schedule.model_dump(include={"type", "warmup"}) == {
        "type": "constant",
        "warmup": 60 * step,  # 3 % of the steps, at most 100
    }
    assert (recipe.training.precision, recipe.training.weights) == ("fp8", "bf16")
    assert recipe.probing.every == 100 * step
    assert recipe.training.checkpoints.every == 200 * step
    assert recipe.training.compile
    assert recipe.logging[0].type == "mlflow"
    assert {"num_epochs", "datasets: c4.name"} <= left.keys()


def test_what_a_config_does_not_say_is_its_own_tools_default(tmp_path: Path) -> None:
    axolotl = config_of(tmp_path, base_model="base", datasets=[{"path": "a.jsonl"}])
    text = import_config(axolotl, recipe_dir=tmp_path).text
    assert decode(yaml.safe_load(text)).order.context == 512
    factory = config_of(tmp_path, model_name_or_path="base", stage="pt", dataset="a")
    text = import_config(factory, recipe_dir=tmp_path).text
    assert decode(yaml.safe_load(text)).order.context == 2048


SCHEDULES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"lr_scheduler_type": "constant", "warmup_ratio": 0.5}, {"type": "constant", "warmup": 0}),
    ({"lr_scheduler_type": "linear"}, {"type": "linear", "warmup": 0, "final": 0.0}),
    (
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": 1e-5}},
        {"type": "linear", "warmup": 0, "final": 0.1},
    ),
    (
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 2e-5}},
        {"type": "cosine", "warmup": 0, "final": 0.2},
    ),
    (
        {"lr_scheduler_type": "inverse_sqrt", "warmup_steps": 10},
        {"type": "inverse_square_root", "warmup": 10240},
    ),
    (
        {"lr_scheduler_type": "inverse_sqrt"},
        {"type": "inverse_square_root", "warmup": 0, "timescale": 10_240_000},
    ),
    (
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": 5, "decay_type": "1-sqrt"},
        },
        {"type": "wsd", "warmup": 0, "decay": 5120, "shape": "1-sqrt", "final": 0.0},
    ),
    ({"warmup_steps": 900, "max_steps": 50}, {"type": "linear", "warmup": 51200, "final": 0.0}),
    ({"warmup_steps": 0.25}, {"type": "linear", "warmup": 0.25, "final": 0.0}),
]


@pytest.mark.parametrize(("keys", "schedule"), SCHEDULES)
def test_schedules(tmp_path: Path, keys: dict[str, Any], schedule: dict[str, Any]) -> None:
    path = config_of(
        tmp_path,
        model_name_or_path="a/b",
        dataset="x",
        cutoff_len=128,
        learning_rate=1e-4,
        **keys,
    )
    text = import_config(path, recipe_dir=tmp_path).text
    assert yaml.safe_load(text)["training"]["schedule"] == pytest.approx(schedule)


def test_the_schedules_of_transformers_are_ours(tmp_path: Path) -> None:
    """Ours at the middle of a step is theirs there, to the width of a step."""
    import torch
    from transformers import get_scheduler

    steps, rate = 200, 1e-4
    for keys, _ in SCHEDULES:
        named = {"lr_scheduler_type": "linear", "max_steps": steps, **keys}
        path = config_of(
            tmp_path,
            model_name_or_path="a/b",
            dataset="x",
            cutoff_len=128,
            learning_rate=rate,
            **named,
        )
        recipe = decode(yaml.safe_load(import_config(path, recipe_dir=tmp_path).text))
        total, batch = recipe.order.phases[0].tokens, recipe.training.batch_tokens
        assert total is not None
        warmup = named.get("warmup_steps", named.get("warmup_ratio", 0))
        count = total // batch
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        theirs = get_scheduler(
            named["lr_scheduler_type"],
            optimizer,
            num_warmup_steps=min(int(warmup * count) if 0 < warmup < 1 else warmup, count),
            num_training_steps=count,
            scheduler_specific_kwargs=dict(named.get("lr_scheduler_kwargs", {})),
        )
        for step in range(count):
            ours = recipe.training.schedule.factor(step * batch, total)
            assert ours == pytest.approx(theirs.get_last_lr()[0] / rate, abs=1.5e-2), (keys, step)
            optimizer.step()
            theirs.step()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"model_name_or_path": "a/b", "dataset": "x", "stage": "dpo"}, "preferences"),
        ({"base_model": "a/b", "datasets": [{"path": "x"}], "rl": "dpo"}, "preferences"),
        ({"model_name_or_path": "a/b"}, "names no dataset"),
        ({"base_model": "a/b"}, "names no text"),
        ({"something": "else"}, "no config of LLaMA-Factory"),
        (
            {"base_model": "a/b", "datasets": ["x"], "micro_batch_size": "many"},
            "micro_batch_size|many",
        ),
    ],
)
def test_what_cannot_become_a_recipe_is_refused(
    tmp_path: Path, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        import_config(config_of(tmp_path, **keys), recipe_dir=tmp_path)
    assert "it.yaml" in str(caught.value)


@pytest.mark.parametrize("text", ["- a", "a: [", ""])
def test_what_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"it\.yaml"):
        import_config(path, recipe_dir=tmp_path)
    with pytest.raises(RecipeError, match="cannot be read"):
        import_config(tmp_path / "none.yaml", recipe_dir=tmp_path)


def test_a_value_cannot_end_its_comment(tmp_path: Path) -> None:
    path = config_of(
        tmp_path,
        base_model="a/b",
        datasets=[{"path": "x", "type": "completion"}],
        note="one\nsources: {evil: {}}\x1b[2J",
    )
    text = import_config(path, recipe_dir=tmp_path).text
    assert "\x1b" not in text
    assert list(decode(yaml.safe_load(text)).sources) == ["x"]


def test_the_verb_writes_a_file_from_which_its_paths_begin(world: Path) -> None:
    out = world.parent / "mine" / "recipe.yaml"
    import_verb(world / "llama_factory_pt_lora.yaml", out)
    recipe = load(out)
    assert recipe.sources["law_raw"].path == "../there/data/law_raw.jsonl"
    with pytest.raises(RunError, match="already"):
        import_verb(world / "llama_factory_pt_lora.yaml", out)


def test_sources_of_paths_without_letters_have_names_of_their_own() -> None:
    from gapless.interchange.text_places import source_name

    first = source_name("--", ())
    second = source_name("__", (first,))
    assert (first, second) == ("text-of-it", "text-of-it-2")
    assert source_name("..", (first, second)) == "text-of-it-3"
