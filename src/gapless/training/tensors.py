"""The tensors of a checkpoint: taken out of a run, and put back.

    model        parameters and kept buffers by name, tied ones once
    optimizer    moments, by parameter name: NAME/exp_avg
    hooks        what hooks remember: HOOK/NAME

A tensor that is divided over processes is put together and given to one of them to write; any
number of processes can read its rows again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from gapless.errors import RunError
from gapless.training.processes import Processes
from gapless.training.sharding import divided_like, own_rows, weights_of, whole
from gapless.training.tensor_files import TensorFiles

MODEL, OPTIMIZER, HOOKS = "model", "optimizer", "hooks"

Tensors = Mapping[str, torch.Tensor]
OfHooks = Mapping[str, Tensors]
"""What hooks remember: name of the hook, name, tensor."""


def own_part(
    model: Any,
    optimizer: torch.optim.Optimizer,
    hooks: OfHooks,
    processes: Processes,
    *,
    copy: bool,
) -> dict[str, dict[str, torch.Tensor]]:
    """Return the tensors that this process writes: kind, name, all of it in the host's memory.

    With ``copy``, training may go on meanwhile. One tensor at a time is put together on the device.

    Raises:
        RunError: a weight or a moment is not finite.

    """
    everything = {
        (kind, name): tensor.detach()
        for kind, tensors in {
            MODEL: weights_of(model),
            OPTIMIZER: _moments(model, optimizer),
            HOOKS: {
                f"{hook}/{n}": t for hook, tensors in hooks.items() for n, t in tensors.items()
            },
        }.items()
        for name, tensor in tensors.items()
    }
    owners = _dealt({key: tensor.nbytes for key, tensor in everything.items()}, processes.size)
    own: dict[str, dict[str, torch.Tensor]] = {}
    sound: dict[tuple[str, str], torch.Tensor] = {}
    for (kind, name), divided in everything.items():
        tensor = whole(divided)
        if kind != HOOKS:
            sound[kind, name] = torch.isfinite(tensor).all()
        if owners[kind, name] == processes.rank:
            own.setdefault(kind, {})[name] = _on_host(tensor, copy=copy)
    poisoned = [key for key, good in sound.items() if not good]
    if poisoned:
        kind, name = poisoned[0]
        raise RunError(
            f"the state cannot be saved: {len(poisoned)} of its tensors are not finite, the first "
            f"is {name} of the {kind}",
            mend="Lower training.learning_rate; the same command goes on from the last checkpoint.",
        )
    return own


def put_back(
    model: Any, optimizer: torch.optim.Optimizer, hooks: OfHooks, folder: Path
) -> dict[str, dict[str, torch.Tensor]]:
    """Load weights and moments of a folder, in place; return what each hook remembers.

    ``hooks`` is what they have now: a tensor that is divided over processes comes back so.
    """
    _restore_weights(model, _files(folder, MODEL))
    _restore_moments(model, optimizer, _files(folder, OPTIMIZER))
    return _remembered(_files(folder, HOOKS), hooks)


def _files(folder: Path, kind: str) -> TensorFiles:
    return TensorFiles(folder.glob(f"{kind}*.safetensors"))


def _dealt(sizes: Mapping[Any, int], processes: int) -> dict[Any, int]:
    """Return who writes what: the largest first, each to the one with the fewest bytes so far."""
    held = [0] * processes
    owners = {}
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        owners[key] = held.index(min(held))
        held[owners[key]] += sizes[key]
    return owners


def _on_host(tensor: torch.Tensor, *, copy: bool) -> torch.Tensor:
    """Return a tensor as a file takes it: without gaps, in memory of its own."""
    held = tensor.to("cpu", copy=copy).contiguous()
    return held.clone() if held.untyped_storage().nbytes() != held.nbytes else held


def _moments(model: Any, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


@torch.no_grad()
def _restore_weights(model: Any, saved: TensorFiles) -> None:
    for name, tensor in weights_of(model).items():
        if saved.shape(name) != tensor.shape:
            raise ValueError(f"{name} is {saved.shape(name)} there and {tuple(tensor.shape)} here")
        tensor.copy_(divided_like(saved.rows(name, own_rows(tensor)), tensor))


def _restore_moments(model: Any, optimizer: torch.optim.Optimizer, saved: TensorFiles) -> None:
    optimizer.state.clear()
    parameters = dict(model.named_parameters())
    for full_name in saved.names:  # before the first step there are none
        name, _, key = full_name.rpartition("/")
        parameter = parameters[name]
        optimizer.state[parameter][key] = (
            divided_like(saved.rows(full_name, own_rows(parameter)), parameter)
            if saved.shape(full_name)[:1] == parameter.shape[:1]
            else saved.rows(full_name).to(parameter.device)
        )


def _remembered(saved: TensorFiles, now: OfHooks) -> dict[str, dict[str, torch.Tensor]]:
    hooks: dict[str, dict[str, torch.Tensor]] = {}
    for full_name in saved.names:
        hook, _, name = full_name.partition("/")
        here = now.get(hook, {}).get(name)
        hooks.setdefault(hook, {})[name] = (
            divided_like(saved.rows(full_name, own_rows(here)), here)
            if isinstance(here, DTensor)
            else saved.rows(full_name)
        )
    return hooks
