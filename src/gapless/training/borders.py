"""Whether a model keeps the documents of a packed row apart."""

from typing import Any

import torch

from gapless.errors import ModelError
from gapless.training.compute import Compute

_LARGEST_DIFFERENCE = 1e-3
"""Of logits in fp32; rounding gives about 1e-6, a leak 1e-2 and more."""


def check_borders(model: Any, compute: Compute) -> None:
    """Refuse a model whose answers in a packed row depend on the document before.

    Two short documents are read packed and alone. `transformers` honours the borders in attention
    of most architectures; recurrent ones and some with absolute biases do not.

    Raises:
        ModelError: the second document was read differently behind the first.

    """
    model.to(compute.device)
    first, second = torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[3, 1, 2, 4]])
    ids = torch.cat([first, second], dim=1).to(compute.device)
    positions = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2, 3]], device=compute.device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=positions, use_cache=False).logits[:, 5:]
        alone = model(input_ids=second.to(compute.device), use_cache=False).logits
    model.train(was_training)
    difference = float((packed.float() - alone.float()).abs().max())
    if difference > _LARGEST_DIFFERENCE:
        raise ModelError(
            f"a {model.config.model_type!r} model lets documents of one row see one another "
            f"(logits differ by {difference:.2g})",
            where="model",
            mend="Use an architecture whose attention `transformers` masks by position: llama, "
            "qwen3, mistral, olmo2, phi3, gpt_neox and their like.",
        )
