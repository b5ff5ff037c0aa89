"""litgpt's model in its own training loop: python training_litgpt.py litgpt TASK.

The steps of `litgpt.pretrain.fit` (0.5.13) without its logs and validation, on the rows of the
others. litgpt has no document borders: documents of a row see one another. It asks for other
versions of the Hugging Face libraries than we do, so it stays in an environment of its own.
"""

from __future__ import annotations

import lightning
import torch
from litgpt import GPT, Config
from litgpt.utils import chunked_cross_entropy
from training_task import BETAS, CLIP, DECAY, RATE, Clock, Task, run


def litgpt(task: Task) -> Clock:
    """Train as `litgpt pretrain` does."""
    size = task.size
    precision = "bf16-mixed" if task.bf16 else "32-true"
    fabric = lightning.Fabric(accelerator=task.device, devices=1, precision=precision)
    fabric.seed_everything(0, verbose=False)
    config = Config(
        name=task.shape,
        block_size=size.context,
        vocab_size=size.vocabulary,
        padded_vocab_size=size.vocabulary,
        n_layer=size.layers,
        n_head=size.heads,
        n_query_groups=size.kv_heads,
        n_embd=size.hidden,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        norm_eps=1e-6,
        mlp_class_name="LLaMAMLP",
        intermediate_size=size.inner,
    )
    with fabric.init_module(empty_init=False):
        model = GPT(config)
    model.apply(model._init_weights)  # noqa: SLF001  # as litgpt's own pretraining does
    if size.tied:
        model.transformer.wte.weight = model.lm_head.weight
    model = fabric.setup(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY, fused=True
    )
    optimizer = fabric.setup_optimizers(optimizer)
    clock = Clock(task)
    for ids, _, targets in map(fabric.to_device, task.batches()):
        loss = chunked_cross_entropy(model(ids), targets)
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=CLIP)
        optimizer.step()
        optimizer.zero_grad()
        clock.done(float(loss.detach()))
    return clock


if __name__ == "__main__":
    run({"litgpt": litgpt})
