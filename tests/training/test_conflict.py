"""The gradients of domain and general text, and that looking at them leaves no trace."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gapless.packing import IGNORED, PackedRows
from gapless.records.token_store import TokenStore, TokenStoreWriter
from gapless.training.compute import Compute
from gapless.training.conflict import Conflict, fixed_batch
from gapless.training.hooks import Hook, Moment
from tests.training.test_loop import stop_after, weights_equal
from tests.training.world import CONTEXT, VOCABULARY, run_tiny, tiny_model

CPU = Compute.choose("cpu", "fp32")


def batch(first: int, step: int = 1, rows: int = 2) -> PackedRows:
    """Rows that count upwards by ``step``."""
    ids = (first + step * np.arange(CONTEXT) + np.arange(rows)[:, None]) % VOCABULARY
    positions = np.broadcast_to(np.arange(CONTEXT), ids.shape).copy()
    targets = np.concatenate([ids[:, 1:], np.full((rows, 1), IGNORED)], axis=1)
    return PackedRows(ids, positions, targets)


def hook(domain: PackedRows, general: PackedRows, **changes) -> Conflict:
    return Conflict(domain, general, compute=CPU, seed=5, **changes)


def seen_by(watcher: Conflict, model) -> dict:
    return watcher.at_probe(Moment(model, 1, 64, 0.1))["gradients"]


def slowly(model, rows: PackedRows) -> dict[str, torch.Tensor]:
    """The gradient as PyTorch alone gives it."""
    model = copy.deepcopy(model)
    ids, targets = torch.from_numpy(rows.ids), torch.from_numpy(rows.targets)
    logits = model(input_ids=ids, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    return {name: p.grad.flatten().double() for name, p in model.named_parameters()}


def test_norms_and_cosines_are_those_of_the_two_gradients() -> None:
    model, domain, general = tiny_model(), batch(0), batch(7, step=3, rows=3)
    seen = seen_by(hook(domain, general), model)
    one, other = slowly(model, domain), slowly(model, general)

    def norm(part: dict) -> float:
        return math.sqrt(sum(float(g @ g) for g in part.values()))

    def cosine(names: list[str]) -> float:
        first, second = ({n: g[n] for n in names} for g in (one, other))
        return sum(float(first[n] @ second[n]) for n in names) / norm(first) / norm(second)

    assert seen["domain_norm"] == pytest.approx(norm(one), rel=1e-4)
    assert seen["general_norm"] == pytest.approx(norm(other), rel=1e-4)
    assert seen["cosine"] == pytest.approx(cosine(list(one)), abs=1e-5)
    for layer in ("0", "1"):
        names = [name for name in one if f".layers.{layer}." in name]
        assert len(names) == 9
        assert seen["layer_cosines"][layer] == pytest.approx(cosine(names), abs=1e-5)
    assert (seen["domain_tokens"], seen["general_tokens"]) == (62, 93)
    assert abs(seen["cosine"]) < 0.99, "the batches must differ"


def test_the_same_text_agrees_with_itself() -> None:
    seen = seen_by(hook(batch(0), batch(0)), tiny_model())
    assert seen["cosine"] == pytest.approx(1.0)
    assert seen["layer_cosines"] == pytest.approx({"0": 1.0, "1": 1.0})


def test_how_the_batch_is_divided_makes_no_difference() -> None:
    model, rows = tiny_model(), (batch(0, rows=4), batch(7, step=3, rows=4))
    whole = seen_by(hook(*rows), model)
    parts = seen_by(hook(*rows, micro_batch_tokens=CONTEXT), model)
    assert parts["cosine"] == pytest.approx(whole["cosine"], abs=1e-5)
    assert parts["domain_norm"] == pytest.approx(whole["domain_norm"], rel=1e-4)


def test_a_model_that_learns_nothing_has_no_direction() -> None:
    model = tiny_model()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.lm_head.weight.requires_grad_(True)
    with torch.no_grad():
        model.model.norm.weight.zero_()  # nothing reaches the head
    seen = seen_by(hook(batch(0), batch(3)), model)
    assert seen["cosine"] is None
    assert seen["domain_norm"] == 0.0
    assert seen["layer_cosines"] == {}


def test_looking_leaves_gradients_modes_and_random_state_as_they_were() -> None:
    model = tiny_model()
    model.model.layers[0].eval()
    kept = torch.ones_like(model.lm_head.weight)
    model.lm_head.weight.grad = kept
    torch.manual_seed(11)
    state, modes = torch.random.get_rng_state(), [m.training for m in model.modules()]
    weights = copy.deepcopy(model.state_dict())
    seen_by(hook(batch(0), batch(3)), model)
    assert torch.equal(state, torch.random.get_rng_state())
    assert modes == [m.training for m in model.modules()]
    assert model.lm_head.weight.grad is kept
    assert torch.equal(kept, torch.ones_like(kept))
    assert [n for n, p in model.named_parameters() if p.grad is not None] == ["lm_head.weight"]
    assert all(torch.equal(weights[name], now) for name, now in model.state_dict().items())


def test_an_error_on_the_way_leaves_no_trace_either(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    watcher = hook(batch(0), batch(3))
    monkeypatch.setattr("gapless.training.conflict._products", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        seen_by(watcher, model)
    assert all(parameter.grad is None for parameter in model.parameters())


class Dice(Hook):
    """Draws at every probe from the random state that the others leave."""

    name = "dice"

    def at_probe(self, moment: Moment) -> dict:
        return {"draw": float(torch.rand(()))}


def test_a_run_with_and_without_it_is_the_same_to_the_bit(tmp_path: Path) -> None:
    _, plain, one = run_tiny(tmp_path / "plain", hooks=[Dice()])
    watchers = [hook(batch(0), batch(9)), Dice()]
    _, watched, other = run_tiny(tmp_path / "watched", hooks=watchers)
    assert weights_equal(plain, watched)
    assert one.losses == other.losses
    draws, rows = (
        [json.loads(line) for line in (tmp_path / way / "observations.jsonl").open()]
        for way in ("plain", "watched")
    )
    assert [row["draw"] for row in draws] == [row["draw"] for row in rows]
    assert len({row["gradients"]["cosine"] for row in rows}) == len(rows) == 7


def test_a_resumed_run_observes_the_same(tmp_path: Path) -> None:
    def watchers() -> list[Hook]:
        return [hook(batch(0), batch(9))]

    run_tiny(tmp_path / "whole", hooks=watchers())
    run_tiny(tmp_path / "cut", hooks=watchers(), stop=stop_after(6))
    run_tiny(tmp_path / "cut", hooks=watchers())
    whole, cut = (tmp_path / way / "observations.jsonl" for way in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


def store(folder: Path, lengths: list[int], held_out: list[bool], *, first: int) -> TokenStore:
    """Documents that repeat one id each."""
    folder.mkdir()
    writer = TokenStoreWriter(folder, vocabulary_size=VOCABULARY)
    for number, (length, held) in enumerate(zip(lengths, held_out, strict=True)):
        writer.add(np.full(length, first + number), held_out=held)
    writer.close()
    return TokenStore.open(folder)


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, TokenStore]:
    return {
        "web": store(tmp_path / "web", [5, 9, 0, 20, 6], [False, True, True, True, False], first=1),
        "books": store(tmp_path / "books", [7, 30], [True, False], first=10),
        "none": store(tmp_path / "none", [8], [False], first=20),
    }


def test_a_batch_holds_held_out_documents_and_sources_take_turns(stores) -> None:
    rows = fixed_batch(stores, "general", seed=1, context=16, num_tokens=64)
    assert rows is not None
    assert rows.ids.shape == (4, 16)
    assert rows.padding == 0
    assert [set(row.tolist()) <= {2, 4} for row in rows.ids] == [True, False, True, False]
    assert [set(row.tolist()) == {10} for row in rows.ids] == [False, True, False, True]
    assert (rows.positions[1] == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1]).all()


def test_a_batch_hangs_on_seed_role_and_source_alone(stores) -> None:
    alone = fixed_batch({"web": stores["web"]}, "general", seed=1, context=16, num_tokens=32)
    mixed = fixed_batch(stores, "general", seed=1, context=16, num_tokens=64)
    others = [
        fixed_batch({"web": stores["web"]}, "general", seed=seed, context=16, num_tokens=32)
        for seed in range(2, 8)
    ]
    assert alone is not None
    assert mixed is not None
    assert (mixed.ids[::2] == alone.ids).all()
    assert any((other.ids != alone.ids).any() for other in others if other is not None)


def test_without_held_out_documents_there_is_no_batch(stores) -> None:
    assert fixed_batch({"none": stores["none"]}, "domain", seed=1, context=16) is None


def test_a_row_is_no_longer_than_the_context_and_than_512_tokens(stores) -> None:
    for context, shape in ((128, (32, 128)), (4096, (8, 512))):
        rows = fixed_batch(stores, "domain", seed=1, context=context)
        assert rows is not None
        assert rows.ids.shape == shape


@pytest.mark.gpu
def test_a_gpu_sees_the_same_and_waits_in_the_host_s_memory(tmp_path: Path) -> None:
    cuda = Compute.choose("cuda", "fp32")
    seen = seen_by(hook(batch(0), batch(9)), tiny_model())
    watcher = Conflict(batch(0), batch(9), compute=cuda, seed=5)
    on_gpu = seen_by(watcher, tiny_model().to("cuda"))
    assert on_gpu["cosine"] == pytest.approx(seen["cosine"], abs=1e-3)
    assert on_gpu["domain_norm"] == pytest.approx(seen["domain_norm"], rel=1e-2)
    _, plain, _ = run_tiny(tmp_path / "plain", compute=cuda)
    _, watched, _ = run_tiny(tmp_path / "watched", compute=cuda, hooks=[watcher])
    assert weights_equal(plain, watched)
