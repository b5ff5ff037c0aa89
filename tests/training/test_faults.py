"""What is said and written down of a step that goes wrong."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gapless.errors import RunError
from gapless.packing import pack
from gapless.recipe.training import Faults, Training
from gapless.records.journal import Journal
from gapless.training.checkpoints import Checkpoints
from gapless.training.loop import _Loop
from tests.training.world import CONTEXT, make_order, make_store, run_tiny, tiny_model

BATCH = 256
"""Eight rows: five steps in all."""
POISON = 7
"""The token that a poisoned model makes nothing of."""
STEPS = frozenset({2, 5})
EIGHT_ROWS = {"batch_tokens": BATCH, "learning_rate": 1e-2}


def poisoned() -> Any:
    """Return a model whose weights are finite and whose answer to one token is no number."""

    def poison(_: Any, args: tuple[torch.Tensor], embedded: torch.Tensor) -> torch.Tensor:
        return embedded.masked_fill((args[0] == POISON).unsqueeze(-1), float("nan"))

    model = tiny_model()
    model.model.embed_tokens.register_forward_hook(poison)
    return model


def faults_of(folder: Path) -> list[dict[str, Any]]:
    """Read strictly: what is no number must be a string."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    lines = (folder / "faults.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def rows_with_poison(folder: Path, step: int) -> dict[int, list[int]]:
    """Return the guilty rows of a step and the documents in each, read off the packed batch."""
    store = make_store(folder / "store")
    rows = make_order(store).rows((step - 1) * 8, step * 8)
    packed = pack(rows, {"law": store}, context=CONTEXT)
    return {
        row.index: [segment.document for segment in row.segments]
        for row, ids in zip(rows, packed.ids, strict=True)
        if POISON in ids
    }


def test_the_rows_that_give_a_non_finite_loss_are_found_with_their_documents(
    tmp_path: Path,
) -> None:
    with pytest.raises(RunError) as caught:
        run_tiny(
            tmp_path / "run",
            model=poisoned(),
            training=Training(**EIGHT_ROWS),
            checkpoint_steps=STEPS,
        )
    guilty = rows_with_poison(tmp_path, step=1)
    assert 0 < len(guilty) < 8
    (fault,) = faults_of(tmp_path / "run")
    assert {row["row"] for row in fault["rows"]} == set(range(8)), "all are written down"
    first, rest = fault["rows"][: len(guilty)], fault["rows"][len(guilty) :]
    assert {row["row"]: [d["index"] for d in row["documents"]] for row in first} == guilty
    assert {row["loss"] for row in first} == {"nan"}
    losses = [row["loss"] for row in rest]
    assert losses == sorted(losses, reverse=True)
    assert fault["step"] == 1
    assert (fault["tokens_seen"], fault["phase"], fault["action"]) == (BATCH, 0, "stop")
    row, documents = next(iter(guilty.items()))
    message = str(caught.value)
    assert f"{len(guilty)} of the batch's 8 rows are not finite even alone:" in message
    assert f"at token {row * CONTEXT:,}, a loss of nan: law:{documents[0]} (law)" in message


def test_the_message_read_aloud(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run_tiny(tmp_path / "run", model=poisoned())
    assert str(caught.value) == (
        "the loss is nan and the gradient's norm nan (step 1, phase 1, 64 tokens seen)\n"
        "  1 of the batch's 2 rows is not finite even alone:\n"
        "    at token 0, a loss of nan: law:22 (law), law:14 (law)\n"
        "  The gradient is not finite in any layer.\n"
        f"  All rows, documents and layers of the step: {tmp_path / 'run/faults.jsonl'}\n"
        "  Lower training.learning_rate, lengthen training.schedule.warmup, or have such batches "
        "left out: training.faults.non_finite: skip. The checkpoints before this step are kept."
    )


def test_weights_that_are_not_finite_are_named_and_no_document_is_blamed(tmp_path: Path) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = float("inf")
    with pytest.raises(RunError) as caught:
        run_tiny(tmp_path / "run", model=model)
    message = str(caught.value)
    assert "weights were not finite before this step: model.layers.1.mlp.up_proj.weight." in message
    assert "law:" not in message
    (fault,) = faults_of(tmp_path / "run")
    assert fault["bad_weights"] == ["model.layers.1.mlp.up_proj.weight"]


def test_a_gradient_alone_that_is_not_finite_shows_the_layers_below_it(tmp_path: Path) -> None:
    model = tiny_model()
    model.model.layers[1].mlp.register_full_backward_hook(
        lambda _, __, gradients: (gradients[0] * float("inf"),)
    )
    with pytest.raises(RunError, match=r"the loss is 4\.\d+ and the gradient's norm nan") as caught:
        run_tiny(tmp_path / "run", model=model)
    assert "Largest gradients: " in str(caught.value)
    (fault,) = faults_of(tmp_path / "run")
    good = {layer["name"] for layer in fault["layers"] if isinstance(layer["gradient_norm"], float)}
    assert good == {"model.norm", "lm_head"}
    assert "model.layers.1.mlp.down_proj.weight" not in fault["bad_gradients"]
    assert "model.layers.0.mlp.down_proj.weight" in fault["bad_gradients"]


def test_what_does_not_happen_again_is_laid_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 3)
    with pytest.raises(RunError, match="the machine made a mistake, not the text") as caught:
        run_tiny(tmp_path / "run")
    assert "law:" not in str(caught.value)


def test_layers_have_the_norms_that_a_plain_backward_pass_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 1)
    training = Training(**EIGHT_ROWS, faults=Faults(non_finite="skip"))
    run_tiny(tmp_path / "run", training=training, checkpoint_steps=STEPS)
    (fault,) = faults_of(tmp_path / "run")
    model, store = tiny_model(), make_store(tmp_path / "store")
    packed = pack(make_order(store).rows(0, 8), {"law": store}, context=CONTEXT)
    ids, positions, targets = map(torch.from_numpy, (packed.ids, packed.positions, packed.targets))
    logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    expected = {
        "model.embed_tokens": [model.model.embed_tokens],
        "model.layers.0": [model.model.layers[0]],
        "model.layers.1": [model.model.layers[1]],
        "model.norm": [model.model.norm],
        "lm_head": [model.lm_head],
    }
    assert [layer["name"] for layer in fault["layers"]] == list(expected)
    for layer, (module,) in zip(fault["layers"], expected.values(), strict=True):
        weights = torch.cat([p.detach().flatten() for p in module.parameters()])
        gradients = torch.cat([p.grad.flatten() for p in module.parameters()])
        assert layer["weight_norm"] == pytest.approx(float(weights.norm()), rel=1e-5)
        assert layer["gradient_norm"] == pytest.approx(float(gradients.norm()), rel=1e-4)
        assert layer["gradient_norm"] > 0
    assert fault["again"]["loss"] == pytest.approx(loss.item(), rel=1e-5)


def spoil(monkeypatch: pytest.MonkeyPatch, *calls: int) -> None:
    """Let the loss of some gradients (the first is 1) be no number, as a machine might."""
    gradient, made = _Loop._gradient, []

    def spoiled(self: Any, packed: Any) -> tuple[float, float]:
        loss, norm = gradient(self, packed)
        made.append(1)
        return (float("nan") if len(made) in calls else loss), norm

    monkeypatch.setattr(_Loop, "_gradient", spoiled)


def test_a_stop_is_written_down_once_and_leaves_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with pytest.raises(RunError):
            run_tiny(tmp_path / "bad", model=poisoned())
    assert len(faults_of(tmp_path / "bad")) == 1
    spoil(monkeypatch, 7)
    with pytest.raises(RunError):
        run_tiny(tmp_path / "run")
    assert [fault["step"] for fault in faults_of(tmp_path / "run")] == [7]
    _, once, _ = run_tiny(tmp_path / "run")
    monkeypatch.undo()
    _, never, _ = run_tiny(tmp_path / "never")
    assert same_weights(once, never)
    steps = [(tmp_path / way / "steps.jsonl").read_bytes() for way in ("run", "never")]
    assert steps[0] == steps[1]


def test_a_kill_in_the_middle_of_writing_a_fault_down_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(batch_tokens=64, learning_rate=1e-2, faults=Faults(non_finite="skip"))
    spoil(monkeypatch, 7, 9)
    run_tiny(tmp_path / "run", training=training)
    monkeypatch.undo()
    first, second = faults_of(tmp_path / "run")
    assert (first["step"], second["step"]) == (7, 9)

    half = tmp_path / "half"
    spoil(monkeypatch, 7)
    left = iter(range(8))

    def die() -> bool:
        if next(left) == 7:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        run_tiny(half, training=training, stop=die)
    with (half / "faults.jsonl").open("ab") as file:
        file.write(b'{"step": 9, "tok')
    monkeypatch.undo()
    spoil(monkeypatch, 3)  # from step 5 on: 6, 8, 9; step 7 stays left out
    run_tiny(half, training=training)
    assert (half / "faults.jsonl").read_bytes() == (tmp_path / "run/faults.jsonl").read_bytes()


def test_rolling_back_to_the_step_just_before_measures_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, 11)  # step 10 was saved
    training = Training(batch_tokens=64, learning_rate=1e-2, faults=Faults(non_finite="roll_back"))
    _, _, watcher = run_tiny(tmp_path / "run", training=training)
    (told,) = watcher.faults
    assert "(step 11, 704 tokens seen): back to the last checkpoint, the batch is left out" in told
    rows = [json.loads(line) for line in (tmp_path / "run/measurements.jsonl").open()]
    measured = [row["tokens_seen"] for row in rows]
    assert len(measured) == len(set(measured))
    assert measured == sorted(measured)


def test_a_disk_that_fills_up_in_a_journal_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole, _ = run_tiny(tmp_path / "whole")
    append = Journal.append

    def full(self: Journal, *rows: dict[str, Any]) -> None:
        append(self, *rows)
        if self.path.name == "steps.jsonl" and rows[0]["step"] == 8:
            with self.path.open("r+b") as file:
                file.truncate(self.path.stat().st_size - 20)  # what found no room
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(OSError, match="No space left"):
        run_tiny(tmp_path / "run")
    monkeypatch.undo()
    latest = Checkpoints(tmp_path / "run/checkpoints", keep_last=1).latest()
    assert latest is not None
    assert latest[1].step == 5
    _, resumed, watcher = run_tiny(tmp_path / "run")
    assert len(watcher.losses) == 15
    assert same_weights(whole, resumed)
    for name in ("steps.jsonl", "measurements.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


@pytest.mark.parametrize("micro_batch_tokens", [CONTEXT, 2 * CONTEXT, 4 * CONTEXT])
def test_accumulated_gradients_learn_what_the_whole_batch_does(
    tmp_path: Path, micro_batch_tokens: int
) -> None:
    _, whole, at_once = run_tiny(
        tmp_path / "whole", training=Training(**EIGHT_ROWS), checkpoint_steps=STEPS
    )
    parts = Training(**EIGHT_ROWS, micro_batch_tokens=micro_batch_tokens)
    _, divided, in_parts = run_tiny(tmp_path / "parts", training=parts, checkpoint_steps=STEPS)
    assert in_parts.losses == pytest.approx(at_once.losses, rel=1e-6)
    assert in_parts.losses[-1] < in_parts.losses[0] - 0.1, "it must have learnt something"
    for one, other in zip(whole.parameters(), divided.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_tiny(tmp_path / name)
    files = sorted(
        path.relative_to(tmp_path / "one")
        for path in (tmp_path / "one").rglob("*")
        if path.is_file() and path.name != "speed.jsonl"
    )
    assert {path.name for path in files} >= {"model.safetensors", "steps.jsonl", "state.json"}
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), (
            path
        )


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
