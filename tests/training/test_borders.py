"""A document in a packed row is read as if it stood alone."""

import numpy as np
import pytest
import torch

from gapless.errors import ModelError
from gapless.modeling import new_model
from gapless.packing import IGNORED, PackedRows
from gapless.recipe.training import Training
from gapless.training.borders import check_borders
from gapless.training.compute import Compute, accumulate_gradients
from gapless.training.optimizer import make_optimizer
from tests.training.world import tiny_model

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
ARCHITECTURES = {
    "llama": SHAPE,
    "qwen3": SHAPE | {"head_dim": 16},
    "mistral": SHAPE,
    "olmo2": SHAPE,
    "phi3": SHAPE | {"pad_token_id": 0},
}


def packed(rows: list[list[list[int]]]) -> PackedRows:
    """Pack documents given as literal ids; every row has the same length."""
    ids = np.array([[t for document in row for t in document] for row in rows])
    positions = np.array([[i for document in row for i in range(len(document))] for row in rows])
    targets = np.array([[t for document in row for t in [*document[1:], IGNORED]] for row in rows])
    return PackedRows(ids, positions, targets)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_of_a_packed_document_equal_those_of_the_document_alone(architecture: str) -> None:
    model = new_model(architecture, ARCHITECTURES[architecture], vocabulary_size=64, seed=0).eval()
    documents = [[5, 9, 33, 2], [7, 8, 9, 10, 11, 12, 13], [60, 1, 2, 3, 4]]
    row = packed([documents, [documents[2], documents[0], documents[1]]])
    with torch.no_grad():
        together = model(
            input_ids=torch.from_numpy(row.ids),
            position_ids=torch.from_numpy(row.positions),
            use_cache=False,
        ).logits
        begin = 0
        for document in documents:
            alone = model(input_ids=torch.tensor([document]), use_cache=False).logits[0]
            part = together[0, begin : begin + len(document)]
            torch.testing.assert_close(part, alone, atol=2e-6, rtol=1e-5)
            begin += len(document)
        other = model(
            input_ids=torch.from_numpy(row.ids[:1]),
            use_cache=False,
            attention_mask=torch.ones(1, 16),
        ).logits
    assert (other[0, 8] - together[0, 8]).abs().max() > 1e-4, "the borders must matter here"


def test_an_architecture_that_lets_documents_leak_is_refused() -> None:
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = new_model("falcon", shape | {"alibi": True}, vocabulary_size=64, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # random weights are small: make the leak as large as trained ones do
    with pytest.raises(ModelError, match="'falcon' model lets documents"):
        check_borders(model)
    check_borders(tiny_model())


def test_a_leak_is_found_in_new_weights_too() -> None:
    shape = SHAPE | {"layer_types": ["conv", "full_attention"]}
    with pytest.raises(ModelError, match="'lfm2' model lets documents"):
        check_borders(new_model("lfm2", shape, vocabulary_size=64, seed=0))


def test_the_gradient_is_that_of_documents_alone() -> None:
    documents = [[5, 9, 33, 2], [7, 8, 9, 10, 11, 12, 13], [60, 1, 2, 3, 4]]
    model, alone = tiny_model(), tiny_model()
    compute = Compute.choose("cpu", "fp32")
    loss = accumulate_gradients(
        model,
        packed([documents]),
        num_targets=packed([documents]).num_targets,
        micro_batch_rows=1,
        compute=compute,
    )
    total, count = torch.zeros(()), sum(len(d) - 1 for d in documents)
    for document in documents:
        logits = alone(input_ids=torch.tensor([document]), use_cache=False).logits[0, :-1]
        nats = torch.nn.functional.cross_entropy(
            logits, torch.tensor(document[1:]), reduction="sum"
        )
        (nats / count).backward()
        total += nats.detach() / count
    torch.testing.assert_close(loss, total)
    for one, other in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("micro_batch_rows", [1, 2, 3])
def test_micro_batches_do_not_change_the_step(micro_batch_rows: int) -> None:
    """Rows with different numbers of targets: a mean of means would differ."""
    rows = packed(
        [[[1, 2, 3, 4, 5, 6]], [[1, 2], [3, 4], [5, 6]], [[9, 8, 7], [6, 5, 4]], [[3] * 6]]
    )
    compute = Compute.choose("cpu", "fp32")
    whole, parts = tiny_model(), tiny_model()
    loss = accumulate_gradients(
        whole, rows, num_targets=rows.num_targets, micro_batch_rows=4, compute=compute
    )
    again = accumulate_gradients(
        parts,
        rows,
        num_targets=rows.num_targets,
        micro_batch_rows=micro_batch_rows,
        compute=compute,
    )
    torch.testing.assert_close(loss, again)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-7, rtol=1e-4)


def test_matrices_decay_and_vectors_do_not() -> None:
    model = tiny_model()
    decayed, plain = make_optimizer(model, Training(weight_decay=0.5)).param_groups
    assert decayed["weight_decay"] == 0.5
    assert plain["weight_decay"] == 0
    assert all(p.ndim >= 2 for p in decayed["params"])
    assert all(p.ndim == 1 for p in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(model.parameters()))
