"""What each of two processes does: the tiny trainings that test_processes.py looks at.

torchrun --nproc-per-node 2 -m tests.training.two_processes FOLDER
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from gapless.modeling import new_model
from gapless.recipe.methods import ExponentialAverage
from gapless.recipe.training import Checkpoints, Sharding, Training
from gapless.training.average import Average
from gapless.training.compute import Compute
from gapless.training.processes import ALONE, Processes
from gapless.training.sharding import whole_state
from tests.training.world import TINY, VOCABULARY, make_store, run_tiny, tiny_model


def probe(model: Any, tokens_seen: int) -> Any:
    """The world's measurement, of what the model answers: its forward pass is asked."""
    from tests.training.world import measurement

    model.eval()
    with torch.no_grad():
        logits = model(input_ids=torch.arange(8)[None], use_cache=False).logits
    model.train()
    return measurement(float(logits.double().square().mean()), tokens_seen)


def tied_model() -> Any:
    settings = TINY | {"tie_word_embeddings": True}
    return new_model("llama", settings, vocabulary_size=VOCABULARY, seed=0)


def wide_model() -> Any:
    """Some of its matrices have moments in 8 bits."""
    settings = TINY | {"hidden_size": 64, "intermediate_size": 100}
    return new_model("llama", settings, vocabulary_size=VOCABULARY, seed=0)


def half_frozen_model() -> Any:
    model = tiny_model()
    model.get_input_embeddings().requires_grad_(requires_grad=False)
    return model


def settings(**changes: Any) -> Training:
    return Training(**({"batch_tokens": 64, "learning_rate": 1e-2} | changes))


Scenario = dict[str, Any]
SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "plain": dict,
    "uneven": lambda: {"training": settings(batch_tokens=96, micro_batch_tokens=32)},
    "tied": lambda: {"model": tied_model()},
    "recomputed": lambda: {"training": settings(gradient_checkpointing=True)},
    "machines": lambda: {"training": settings(sharding=Sharding(over="machine"))},
    "bf16": lambda: {"compute": Compute.choose("cpu", "bf16")},
    "asynchronous": lambda: {"training": settings(checkpoints=Checkpoints(asynchronous=True))},
    "compiled": lambda: {"training": settings(compile=True, attention="masked")},
    "eight_bit": lambda: {
        "training": settings(optimizer="adamw_8bit"),
        "model": wide_model(),
    },
    "low_bit": lambda: {
        "training": settings(weights="bf16", optimizer="adamw_8bit"),
        "model": wide_model(),
        "compute": Compute.choose("cpu", "bf16", "bf16"),
    },
    "averaged": lambda: {
        "model": half_frozen_model(),
        "hooks": [Average(ExponentialAverage(decay=0.8))],
    },
}
CUT = ("plain", "averaged", "low_bit")
"""Those that are stopped too, and go on with as many processes and with another number."""
LAST = frozenset({10, 20})


def stop_after(steps: int) -> Callable[[], bool]:
    left = iter(range(steps - 1, -1, -1))
    return lambda: next(left) == 0


def train(
    folder: Path,
    scenario: str,
    processes: Processes = ALONE,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Run a scenario; leave its losses and its weights beside its folder."""
    asked = {"probe": probe, "checkpoint_steps": LAST} | SCENARIOS[scenario]()
    ended, model, watcher = run_tiny(folder, **asked, processes=processes, stop=stop)
    hooks = {f"{h.name}/{n}": t for h in asked.get("hooks", ()) for n, t in h.tensors().items()}
    assert all(hasattr(t, "device_mesh") == (processes.size > 1) for t in hooks.values())
    weights = whole_state(model, processes)
    if processes.is_first:
        save_file({n: t.clone() for n, t in weights.items()}, f"{folder}.safetensors")
        Path(f"{folder}.json").write_text(json.dumps({"ended": ended, "losses": watcher.losses}))


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    processes = Processes.of_environment()
    with processes.joined(torch.device("cpu"), "tests"):
        if processes.is_first:
            make_store(folder / "store")
        processes.wait()
        for scenario in SCENARIOS:
            train(folder / scenario, scenario, processes)
        for scenario in CUT:
            train(folder / f"{scenario}_cut", scenario, processes, stop=stop_after(7))
            train(folder / f"{scenario}_cut", scenario, processes)
            train(folder / f"{scenario}_two_to_one", scenario, processes, stop=stop_after(7))
            train(folder / f"{scenario}_one_to_two", scenario, processes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
