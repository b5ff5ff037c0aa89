"""A step in which nothing is to be predicted: questions only."""

import numpy as np
import torch

from gapless.modeling import new_model
from gapless.packing import IGNORED, PackedRows
from gapless.training.compute import Compute, accumulate_gradients

SHAPE = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "intermediate_size": 8,
    "max_position_embeddings": 8,
}


def test_a_step_without_answers_has_no_loss_and_no_gradient():
    model = new_model("llama", SHAPE, vocabulary_size=11, seed=0)
    ids = np.arange(8).reshape(2, 4)
    packed = PackedRows(ids, np.tile(np.arange(4), (2, 1)), np.full((2, 4), IGNORED))
    assert packed.num_targets == 0
    loss = accumulate_gradients(
        model,
        packed,
        num_targets=packed.num_targets,
        micro_batch_rows=1,
        compute=Compute(torch.device("cpu"), bf16=False),
    )
    assert float(loss) == 0.0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)
