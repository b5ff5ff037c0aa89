"""The harness's tasks in-process, beside the harness's own model and its own command line."""

import copy
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from gapless.errors import DataError, RunError
from gapless.evaluation.harness import (
    SUITES,
    TaskSpec,
    check_same,
    downloads,
    load_tasks,
    measure_harness,
    read_harness,
    task_specs,
    write_harness,
)

pytest.importorskip("lm_eval")

FOLDER = Path(__file__).parent / "harness_tasks"
SPECS = [
    TaskSpec(name="cells", role="domain", shots=2, parts=True),
    TaskSpec(name="cells_write", role="general", limit=20),
    TaskSpec(name="cells_next", role="general"),
    TaskSpec(name="cells_text", role="general"),
    TaskSpec(name="cells_shares", role="general"),
]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The tasks' folder is where we stand; what `datasets` makes of it goes away with the test."""
    import datasets

    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))


@pytest.fixture(scope="module", params=["with a first token", "without"])
def tokenizer_of_model(request, tokenizer):
    """Tokenizers that put a token before every text, as Llama's, and that do not, as Qwen's."""
    made = PreTrainedTokenizerFast(
        tokenizer_object=copy.deepcopy(tokenizer.backend_tokenizer),
        eos_token=tokenizer.eos_token,
        bos_token=tokenizer.eos_token,
        pad_token=tokenizer.eos_token,
    )
    if request.param == "with a first token":
        made.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{made.bos_token} $A", special_tokens=[(made.bos_token, made.bos_token_id)]
        )
    return made


@pytest.fixture(scope="module")
def small_model(tokenizer):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = LlamaConfig(
            vocab_size=300,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=96,
            initializer_range=0.5,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        return LlamaForCausalLM(config).train()


def measured(model, tokenizer, specs=SPECS):
    loaded = load_tasks(specs, [FOLDER])
    measurements, items = measure_harness(model, tokenizer, loaded, arm="main", tokens_seen=7)
    return {f"{m.probe}/{m.metric}": m for m in measurements}, items


def harness_key(key):
    """Return (task, "metric,filter", whether exp is to be taken) in the harness's own results."""
    probe, metric = key.rsplit("/", 1)
    name, _, filter_name = metric.partition(",")
    task = probe.replace("/", "_")
    plain = name.removeprefix("log_")
    return task, f"{plain},{filter_name or 'none'}", plain != name


def assert_same(found, results, shared=None):
    """Every value is the harness's own, and there are many of them."""
    for key, measurement in found.items():
        task, metric, exp = harness_key(key)
        value = np.exp(measurement.value) if exp else measurement.value
        assert value == pytest.approx(results[task][metric], rel=1e-5), key
    assert len(found) >= 10


def test_values_are_those_of_the_harness_own_model(world, small_model, tokenizer_of_model):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from gapless.evaluation.harness.language_model import ModelInTraining

    found, items = measured(small_model, tokenizer_of_model)
    theirs = HFLM(pretrained=small_model, tokenizer=tokenizer_of_model, batch_size=4, device="cpu")
    manager = TaskManager(include_path=str(FOLDER), include_defaults=False)
    small_model.eval()
    results, answers = {}, []
    for spec in SPECS:
        out = simple_evaluate(
            theirs,
            tasks=[spec.name],
            num_fewshot=spec.shots,
            limit=spec.limit,
            bootstrap_iters=0,
            task_manager=manager,
        )
        results |= out["results"]
        for rows in out["samples"].values():
            answers += [row["filtered_resps"] for row in rows]
    small_model.train()
    assert_same(found, results)
    again = simple_evaluate(
        ModelInTraining(small_model, tokenizer_of_model),
        tasks=["cells_write", "cells_next"],
        bootstrap_iters=0,
        limit=20,
        task_manager=manager,
    )
    assert again["results"]["cells_write"] == results["cells_write"]
    # Guard: the model is right here and wrong there, and writes different things.
    accuracy = items["cells/letters/acc"].numerators
    assert set(accuracy) == {0.0, 1.0}
    assert len({str(answer) for answer in answers}) > 60
    assert {m.num_items for m in found.values()} == {30, 11, 41, 20, 4}
    both = [items[f"cells/{part}/acc"].numerators for part in ("letters", "choice")]
    assert found["cells/acc"].value == pytest.approx(np.concatenate(both).mean())


def test_values_are_those_of_the_harness_command_line(
    world, tmp_path, small_model, tokenizer_of_model
):
    if tokenizer_of_model("a").input_ids[0] != tokenizer_of_model.bos_token_id:
        pytest.skip("once is enough: starting the command takes long")
    small_model.save_pretrained(tmp_path / "model")
    tokenizer_of_model.save_pretrained(tmp_path / "model")
    specs = [TaskSpec(name=spec.name, role="general", shots=3, limit=9) for spec in SPECS[:2]]
    found, items = measured(small_model, tokenizer_of_model, specs)
    out = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "run", "--model", "hf"),
            *("--model_args", f"pretrained={tmp_path / 'model'},dtype=float32"),
            *("--tasks", "cells,cells_write", "--include_path", str(FOLDER)),
            *("--num_fewshot", "3", "--limit", "9", "--device", "cpu", "--batch_size", "4"),
            *("--output_path", str(tmp_path / "out"), "--log_samples"),
        ],
        env=os.environ
        | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert out.returncode == 0, out.stderr[-3000:]
    [path] = (tmp_path / "out").rglob("results_*.json")
    results = json.loads(path.read_text())["results"]
    for key, measurement in found.items():
        task, metric, _ = harness_key(key)
        assert measurement.value == pytest.approx(results[task][metric], rel=1e-5), key
    written = {"cells_write/exact_match,whole", "cells_write/exact_match,first-letter"}
    assert set(found) == {"cells/acc"} | written
    [path] = (tmp_path / "out").rglob("samples_cells_write_*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    right = [row["exact_match"] for row in rows if row["filter"] == "whole"]
    assert items["cells_write/exact_match,whole"].numerators.tolist() == right
    assert len(right) == 9


def test_a_run_is_not_touched_by_tasks(world, small_model, tokenizer):
    import random  # noqa: TID251 - is it left alone?

    modes = [module.training for module in small_model.modules()]
    numpy_state = np.random.get_state
    before = random.getstate(), numpy_state()[1].tolist(), torch.random.get_rng_state()
    environment = dict(os.environ)
    found, _ = measured(small_model, tokenizer)
    again, _ = measured(small_model, tokenizer)
    assert found == again
    assert [module.training for module in small_model.modules()] == modes
    assert random.getstate() == before[0]
    assert numpy_state()[1].tolist() == before[1]
    assert torch.equal(torch.random.get_rng_state(), before[2])
    assert dict(os.environ) == environment


def test_asking_twice_gives_the_same_from_the_same_prompts(world, small_model, tokenizer):
    loaded = load_tasks(SPECS, [FOLDER])
    digests = [task.digest() for task in loaded.tasks]
    ask = lambda: measure_harness(small_model, tokenizer, loaded, arm="main", tokens_seen=7)  # noqa: E731
    first, items = ask()
    second, more = ask()
    assert first == second
    assert all(np.array_equal(items[key].numerators, more[key].numerators) for key in items)
    assert [task.digest() for task in loaded.tasks] == digests
    assert digests == [task.digest() for task in load_tasks(SPECS, [FOLDER]).tasks]


def test_a_group_stands_for_its_parts_unless_they_are_asked_for(world):
    whole = load_tasks([TaskSpec(name="cells", role="domain")], [FOLDER])
    assert [task.shown for task in whole.tasks] == [False, False]
    assert [(each.probe, each.members) for each in whole.groups] == [
        ("cells", ("cells_letters", "cells_choice"))
    ]
    parts = load_tasks([TaskSpec(name="cells", role="domain", parts=True)], [FOLDER])
    assert [(task.probe, task.shown) for task in parts.tasks] == [
        ("cells/choice", True),
        ("cells/letters", True),
    ]


def test_shots_and_limits_are_those_asked_for(world):
    specs = [TaskSpec(name="cells_letters", role="domain", shots=5, limit=4)]
    [task] = load_tasks(specs, [FOLDER]).tasks
    assert (task.shots, len(task.documents()), task.version) == (5, 4, "1.5")
    prompts = {instance.args[0] for instance in task.task.instances}
    assert {prompt.count("Answer:") for prompt in prompts} == {6}


def test_what_is_kept_of_a_task_comes_back(world, tmp_path):
    loaded = load_tasks(SPECS, [FOLDER])
    kept = write_harness(tmp_path / "probes", loaded)
    assert sorted(kept, key=lambda each: each.task) == read_harness(tmp_path / "probes")
    assert read_harness(tmp_path / "nothing") == []
    found = {each.task: each for each in kept}
    assert found["cells_shares"].left_out == ("mcc",)
    assert found["cells_choice"].documents == 11
    row = json.loads((FOLDER / "few.jsonl").read_text().splitlines()[0])
    assert found["cells_choice"].items[0] == (row["question"], row["choices"][row["answer"]])
    check_same(kept, loaded, where="probes")
    others = load_tasks([TaskSpec(name="cells_letters", role="domain", shots=1)], [FOLDER])
    with pytest.raises(RunError, match="asks something else"):
        check_same(kept, others, where="probes")


def mistake(tmp_path, text, *, specs=None, data='{"q": "a", "t": "b"}\n'):
    (tmp_path / "data.jsonl").write_text(data)
    (tmp_path / "mine.yaml").write_text(
        "task: mine\ndataset_path: json\ntest_split: test\n"
        f"dataset_kwargs: {{data_files: {{test: {tmp_path / 'data.jsonl'}}}}}\n" + text
    )
    with pytest.raises(DataError) as caught:
        write_harness(
            tmp_path / "out",
            load_tasks(specs or [TaskSpec(name="mine", role="domain")], [tmp_path]),
        )
    assert "mine" in str(caught.value)
    return str(caught.value)


WRITE = 'output_type: generate_until\ndoc_to_text: "{{q}}"\ndoc_to_target: "{{t}}"\n'


def test_tasks_that_cannot_be_asked_say_so_before_training(world, tmp_path):
    said = mistake(tmp_path, WRITE + "unsafe_code: true\n")
    assert "sandbox" in said
    said = mistake(tmp_path, WRITE + "generation_kwargs: {do_sample: true, temperature: 1.0}\n")
    assert "at random" in said
    said = mistake(tmp_path, WRITE + "metric_list: [{metric: bleu}]\n")
    assert "bleu" in said
    shots = [TaskSpec(name="mine", role="domain", shots=2)]
    assert "fixes 0 shots" in mistake(tmp_path, WRITE + "num_fewshot: 0\n", specs=shots)
    assert "cannot be loaded" in mistake(tmp_path, WRITE, data="{broken\n")
    twice = [TaskSpec(name="mine", role="domain")] * 2
    assert "twice" in mistake(tmp_path, WRITE, specs=twice)


def test_an_unknown_name_is_refused(world, monkeypatch):
    from lm_eval.tasks import TaskManager

    monkeypatch.setattr(TaskManager, "__init__", known_nothing)  # reading all tasks takes long
    with pytest.raises(DataError, match="'nobody_has_this'"):
        load_tasks([TaskSpec(name="nobody_has_this", role="domain")], [FOLDER])


def known_nothing(self, **_):
    self._index = {}


def test_data_that_is_not_here_is_named_with_the_command_that_fetches_it(world):
    [download] = downloads(["arc_easy"])
    assert (download.task, download.dataset, download.configs) == (
        "arc_easy",
        "allenai/ai2_arc",
        ("ARC-Easy",),
    )
    assert not download.cached
    with pytest.raises(DataError) as caught:
        load_tasks([TaskSpec(name="arc_easy", role="general")])
    assert "TaskManager().load(['arc_easy'])" in str(caught.value.mend)
    assert downloads(["cells"], [FOLDER]) == []


def test_all_parts_of_a_group_are_found():
    [download] = downloads(["mmlu"])
    assert len(download.configs) == 57


def test_without_the_harness_the_error_says_what_to_install(monkeypatch):
    from gapless.evaluation.harness import registry

    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=re.escape('pip install "gapless[harness]"')):
        load_tasks([TaskSpec(name="arc_easy", role="general")])


def test_every_task_of_the_suites_is_in_the_registry():
    from gapless.evaluation.harness.registry import task_manager

    names = Counter(spec.name for suite in SUITES for spec in task_specs(suite))
    assert len(names) > 25
    assert set(names) <= set(task_manager(names, []).all_tasks)


def test_importing_our_side_does_not_import_the_harness():
    code = (
        "import sys, gapless.evaluation, gapless.evaluation.harness;"
        "assert not {'lm_eval', 'datasets', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_parts_of_what_is_loaded_are_those_of_their_specs(world):
    loaded = load_tasks(SPECS, [FOLDER])
    parts = [loaded.of([place]) for place in range(len(SPECS))]
    assert [task for part in parts for task in part.tasks] == list(loaded.tasks)
    assert [group for part in parts for group in part.groups] == list(loaded.groups)
    assert all(parts)
    assert len(parts[0].tasks) > 1
    written = {task.name: task.num_written() for task in loaded.tasks}
    assert written["cells_next"] == 0
    assert written["cells_write"] > 0
    assert all(task.num_bytes() > 3.5 * written[task.name] for task in loaded.tasks)
