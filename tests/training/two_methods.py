"""What each of two processes does: the methods that test_methods_processes.py looks at.

torchrun --nproc-per-node 2 -m tests.training.two_methods FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from gapless.modeling import adapt, plain_state
from gapless.recipe.methods import BlockExpansion, Freeze, Full, Lora, Method
from gapless.training.processes import ALONE, Processes
from gapless.training.pull import Pull
from gapless.training.sharding import whole_state
from tests.training.two_processes import probe, stop_after
from tests.training.world import make_store, run_tiny, tiny_model

METHODS: dict[str, Method] = {
    "pull": Full(),
    "freeze": Freeze(part="bottom", layers=1, embeddings=True),
    "lora": Lora(rank=4),
    "dora": Lora(rank=4, dora=True),
    "blocks": BlockExpansion(blocks=1),
}


def train(folder: Path, name: str, processes: Processes = ALONE, **options: Any) -> None:
    """Train with a method; leave the losses and the plain model's weights beside the folder."""
    ended, model, watcher = run_tiny(
        folder,
        model=adapt(tiny_model(), METHODS[name], seed=3),
        hooks=[Pull(5.0)] if name == "pull" else [],
        probe=probe,
        checkpoint_steps=frozenset({10, 20}),
        processes=processes,
        **options,
    )
    weights = whole_state(model, processes)
    if processes.is_first:
        plain = plain_state(weights, METHODS[name])
        save_file({n: t.clone() for n, t in plain.items()}, f"{folder}.safetensors")
        Path(f"{folder}.json").write_text(json.dumps({"ended": ended, "losses": watcher.losses}))


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    processes = Processes.of_environment()
    with processes.joined(torch.device("cpu"), "tests"):
        if processes.is_first:
            make_store(folder / "store")
        processes.wait()
        for name in METHODS:
            train(folder / name, name, processes)
            train(folder / f"{name}_cut", name, processes, stop=stop_after(7))
            train(folder / f"{name}_cut", name, processes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
