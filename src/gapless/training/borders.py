"""Whether a model keeps the documents of a packed row apart."""

from typing import Any

import torch

from gapless.errors import ModelError

_LARGEST_DIFFERENCE = 1e-4
"""Of logits, over their spread, in fp32. Rounding gives 1e-5 at most; the leak of a model whose
weights are new and small was 6e-4."""


def check_borders(model: Any) -> None:
    """Refuse a model, whole and in fp32, whose answers in a packed row depend on what is before.

    Two short documents are read packed and alone. `transformers` honours the borders in attention
    of most architectures; recurrent ones and some with absolute biases do not.

    Raises:
        ModelError: the second document was read differently behind the first.

    """
    first, second = torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([[3, 1, 2, 4]])
    ids = torch.cat([first, second], dim=1).to(model.device)
    positions = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2, 3]], device=model.device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=positions, use_cache=False).logits[:, 5:]
        alone = model(input_ids=second.to(model.device), use_cache=False).logits
    model.train(was_training)
    difference = float((packed - alone).abs().max() / alone.std())
    if not difference <= _LARGEST_DIFFERENCE:  # a nan is wrong too
        raise ModelError(
            f"a {model.config.model_type!r} model lets documents of one row see one another "
            f"(logits differ by {difference:.2g} of their spread)",
            where="model",
            mend="Use an architecture whose attention `transformers` masks by position: llama, "
            "qwen3, mistral, olmo2, phi3, gpt_neox and their like.",
        )
