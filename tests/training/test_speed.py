"""The operations that a training needs, and the journal of where its time goes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gapless.modeling import adapt, new_model
from gapless.packing import PackedRows
from gapless.recipe.methods import Lora
from gapless.records.journal import Journal
from gapless.records.watched import SHARE, WHAT
from gapless.training.compute import Compute
from gapless.training.speed import ModelFlops, Speed, matrix_rate, peak_memory_bytes
from tests.training.test_loop import stop_after
from tests.training.world import TINY, VOCABULARY, run_tiny, tiny_model


def rows(*lengths: int) -> PackedRows:
    """One row that holds documents of these lengths."""
    positions = np.concatenate([np.arange(length) for length in lengths])[None]
    return PackedRows(positions, positions, positions)


def by_hand(model: torch.nn.Module, lengths: tuple[int, ...]) -> float:
    """Multiply-adds of each matrix and of each pair of tokens, one after another."""
    total = 0.0
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and name != "model.embed_tokens.weight":
            times = 3 if parameter.requires_grad else 2
            total += 2 * times * parameter.numel() * sum(lengths)
    pairs = sum(1 for length in lengths for token in range(length) for _ in range(token + 1))
    for _ in range(2):  # layers
        total += 3 * 2 * 2 * 16 * pairs  # scores and values, each forward and twice backward
    return total


@pytest.mark.parametrize("lengths", [(32,), (10, 1, 21)])
def test_the_operations_are_those_of_every_matrix_and_pair(lengths: tuple[int, ...]) -> None:
    model = tiny_model()
    assert ModelFlops(model).of(rows(*lengths)) == by_hand(model, lengths)


def test_packed_documents_cost_less_than_one_long_one() -> None:
    flops = ModelFlops(tiny_model())
    assert flops.of(rows(16, 16)) < flops.of(rows(32))


def test_what_does_not_learn_costs_a_third_less() -> None:
    model = adapt(tiny_model(), Lora(rank=1), seed=0)
    assert ModelFlops(model).of(rows(32)) == by_hand(model, (32,))
    assert ModelFlops(model).of(rows(32)) < ModelFlops(tiny_model()).of(rows(32))


def test_a_tied_table_is_a_head_and_counts() -> None:
    tied = new_model(
        "llama", TINY | {"tie_word_embeddings": True}, vocabulary_size=VOCABULARY, seed=0
    )
    assert ModelFlops(tied).of(rows(32)) == ModelFlops(tiny_model()).of(rows(32))


def test_the_matrix_rate_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix_rate.cache_clear()
    clock = iter(float(second) for second in range(1000))
    monkeypatch.setattr("gapless.training.speed.time.perf_counter", lambda: next(clock))
    state = torch.random.get_rng_state()
    assert matrix_rate("cpu", bf16=False) == 2 * 1024**3  # a second each
    assert next(clock) == 10, "five rounds"
    assert matrix_rate("cpu", bf16=False) == 2 * 1024**3
    assert next(clock) == 11
    assert torch.equal(state, torch.random.get_rng_state())
    matrix_rate.cache_clear()


def test_a_step_s_share_is_its_operations_over_what_the_machine_could_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gapless.training.speed.matrix_rate", lambda *_, **__: 1e6)
    journal, model = Journal(tmp_path / "speed.jsonl"), tiny_model()
    compute = Compute.choose("cpu", "fp32")
    speed = Speed(journal, model, compute, processes=2, tokens_seen=0)
    speed.step(32, rows(32), seconds=4.0)
    first, step = journal.rows()
    told = first.pop("power")
    assert first == {"tokens_seen": 0, "matrix_flops_per_second": 1e6}
    assert told
    assert step["seconds"] == 4.0
    assert step[SHARE] == pytest.approx(by_hand(model, (32,)) / 8e6, abs=1e-4)


def test_what_takes_time_besides_steps_has_rows_of_its_own(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    found = [json.loads(line) for line in (tmp_path / "run/speed.jsonl").open()]
    spent = [(row[WHAT], row["tokens_seen"]) for row in found if WHAT in row]
    probes, saved = (64, 128, 256, 320, 640, 960, 1280), (320, 640, 960, 1280)
    assert [seen for what, seen in spent if what == "measuring"] == list(probes)
    assert [seen for what, seen in spent if what == "watching"] == list(probes)
    assert [seen for what, seen in spent if what == "saving"] == list(saved)
    assert sum(SHARE in row for row in found) == 20


def test_a_resumed_run_goes_on_with_the_rows_up_to_its_checkpoint(tmp_path: Path) -> None:
    run_tiny(tmp_path / "cut", stop=stop_after(7))
    before = [json.loads(line) for line in (tmp_path / "cut/speed.jsonl").open()]
    run_tiny(tmp_path / "cut")
    after = [json.loads(line) for line in (tmp_path / "cut/speed.jsonl").open()]
    assert after[: len(before)] == before
    assert [row["tokens_seen"] for row in after] == sorted(row["tokens_seen"] for row in after)
    assert sum(SHARE in row for row in after) == 20
    assert sum("matrix_flops_per_second" in row for row in after) == 2


def test_peak_memory_grows_with_what_is_held() -> None:
    before = peak_memory_bytes(torch.device("cpu"))
    held = np.ones(before // 8 + (1 << 22))  # more than was ever used, in bytes
    after = peak_memory_bytes(torch.device("cpu"))
    assert after >= held.nbytes > before


@pytest.mark.gpu
def test_a_gpu_has_a_rate_and_a_peak_of_its_own() -> None:
    assert matrix_rate("cuda", bf16=True) > 1e12
    assert peak_memory_bytes(torch.device("cuda")) >= 8192 * 8192 * 2
