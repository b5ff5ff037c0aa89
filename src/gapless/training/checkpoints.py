"""Checkpoints: everything a run needs to go on as if it had never stopped.

    checkpoints/step-00000120/   config.json, model.safetensors: loads in `transformers`
        optimizer.safetensors    AdamW's moments, by parameter name
        hooks.safetensors        what hooks remember, by hook and name; only where some do
        state.json               step, tokens seen, what was measured here

Written to a partial name, flushed, renamed. Half a checkpoint does not exist.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from gapless.errors import RunError
from gapless.modeling import save_model
from gapless.records.artifact import commit_folder

FOLDER = "checkpoints"
_STATE, _OPTIMIZER, _HOOKS = "state.json", "optimizer.safetensors", "hooks.safetensors"


@dataclass(frozen=True)
class RunState:
    """Where a run stands."""

    step: int = 0
    tokens_seen: int = 0
    domain_change: float | None = None
    """Mean improvement of the domain probes over the base model, measured at this step."""


class Checkpoints:
    """The checkpoints of one arm."""

    def __init__(self, folder: Path, *, keep_last: int) -> None:
        self.folder = folder
        self.keep_last = keep_last

    def latest(self) -> tuple[Path, RunState] | None:
        """Return the newest checkpoint and its state."""
        known = self._known()
        return known[-1] if known else None

    def best(self) -> tuple[Path, RunState] | None:
        """Return the checkpoint that improved most on the domain, the earliest of equals."""
        measured = [item for item in self._known() if item[1].domain_change is not None]
        return max(measured, key=lambda item: item[1].domain_change or 0.0, default=None)

    def save(
        self,
        model: Any,
        optimizer: torch.optim.Optimizer,
        state: RunState,
        hooks: Mapping[str, Mapping[str, torch.Tensor]] = MappingProxyType({}),
    ) -> None:
        """Write a checkpoint, then drop those that are neither among the last nor the best."""
        from safetensors.torch import save_file

        final = self.folder / f"step-{state.step:08d}"
        partial = final.with_name(final.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_model(model, partial)
        save_file(_moments(model, optimizer), partial / _OPTIMIZER)
        remembered = {
            f"{hook}/{name}": tensor.contiguous()
            for hook, tensors in hooks.items()
            for name, tensor in tensors.items()
        }
        if remembered:
            save_file(remembered, partial / _HOOKS)
        (partial / _STATE).write_text(json.dumps(asdict(state)))
        commit_folder(partial, final)
        self._drop_others()

    def adopt(self, others: Path, *, until: int) -> bool:
        """Take over the newest checkpoint of another folder with at most ``until`` tokens seen."""
        known = Checkpoints(others, keep_last=1)._known()  # noqa: SLF001 - our own
        fitting = [path for path, state in known if state.tokens_seen <= until]
        if not fitting or self._known():
            return False
        partial = self.folder / f"{fitting[-1].name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(fitting[-1], partial)
        commit_folder(partial, self.folder / fitting[-1].name)
        return True

    def restore(
        self, model: Any, optimizer: torch.optim.Optimizer, folder: Path
    ) -> dict[str, dict[str, torch.Tensor]]:
        """Load weights and optimizer state, in place; return what each hook remembers."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file, load_model

        try:
            load_model(model, folder / "model.safetensors")
            _restore_moments(model, optimizer, load_file(folder / _OPTIMIZER))
            hooks: dict[str, dict[str, torch.Tensor]] = {}
            if (folder / _HOOKS).is_file():
                for key, tensor in load_file(folder / _HOOKS).items():
                    hook, _, name = key.partition("/")
                    hooks.setdefault(hook, {})[name] = tensor
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise RunError(
                f"the checkpoint cannot be read: {error}",
                where=str(folder),
                mend="Delete this folder; the run goes on from the checkpoint before it.",
            ) from error
        return hooks

    def _known(self) -> list[tuple[Path, RunState]]:
        folders = sorted(p for p in self.folder.glob("step-????????") if p.is_dir())
        return [(p, RunState(**json.loads((p / _STATE).read_text()))) for p in folders]

    def _drop_others(self) -> None:
        known = self._known()
        best = self.best()
        kept = {path for path, _ in known[-self.keep_last :]} | ({best[0]} if best else set())
        for path, _ in known:
            if path not in kept:
                doomed = path.with_name(path.name + ".partial")
                path.rename(doomed)
                shutil.rmtree(doomed)


def _moments(model: Any, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": value.contiguous()
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _restore_moments(
    model: Any, optimizer: torch.optim.Optimizer, saved: dict[str, torch.Tensor]
) -> None:
    optimizer.state.clear()
    if not saved:  # before the first step there are none
        return
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        optimizer.state[parameter] = {
            key: saved[f"{name}/{key}"].to(parameter.device)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }
