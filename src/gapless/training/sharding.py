"""Weights divided over processes: each holds a slice of every tensor (FSDP2).

A layer is put together when it is computed and taken apart again. The gradient that arrives in a
slice is the sum over all processes, as `accumulate_gradients` expects, not their mean.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.distributed.tensor import DTensor, Shard

from gapless.errors import RunError
from gapless.modeling.layers import decoder_layers
from gapless.recipe.training import Sharding
from gapless.training.compute import Compute
from gapless.training.processes import Processes


def divide(model: Any, compute: Compute, processes: Processes, settings: Sharding) -> Any:
    """Return the model on this process's device; of several, each keeps its slices alone.

    With bf16, layers are gathered and computed in it; slices, gradients and their sums are fp32,
    but for weights that are kept in bf16: they and their gradients have no other copy.
    A model that is divided already is left as it is.
    """
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

    if isinstance(model, FSDPModule):
        return model
    compute.keep(model)
    if processes.size == 1:
        return model.to(compute.device)
    if compute.bf16:
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    else:
        policy = MixedPrecisionPolicy()
    mesh = _mesh(compute.device.type, processes, settings)
    for module in [*decoder_layers(model)[1], model]:
        # The outermost part too: else its weights would stay whole after a measurement.
        fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo cannot scale on the way
    return model


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return all of a tensor. Where it is divided, every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own_rows(tensor: torch.Tensor) -> slice:
    """Return which rows of the whole tensor this process holds; all where it is not divided."""
    if not isinstance(tensor, DTensor):
        return slice(0, len(tensor) if tensor.ndim else None)
    assert tensor.placements[-1] == Shard(0)
    mesh = tensor.device_mesh
    rows, last = len(tensor), mesh.ndim - 1
    each = -(-rows // mesh.size(last))
    begin = min(mesh.get_local_rank(last) * each, rows)
    return slice(begin, begin + len(tensor.to_local()))


def divided_like(rows: torch.Tensor, model: torch.Tensor) -> torch.Tensor:
    """Return this process's rows as a part of a tensor that is divided as ``model`` is.

    Behind the first dimension it may have another shape.
    """
    if not isinstance(model, DTensor):
        return rows.to(model.device)
    return DTensor.from_local(
        rows.to(model.to_local().device),
        model.device_mesh,
        model.placements,
        run_check=False,
        shape=(shape := torch.Size((len(model), *rows.shape[1:]))),
        stride=torch.empty(shape, device="meta").stride(),
    )


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    """Return the parameters and kept buffers by name, tied ones once, in the model's order."""
    once: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        once.setdefault(id(tensor), (name, tensor.detach()))
    return dict(once.values())


def whole_state(model: Any, processes: Processes) -> Mapping[str, torch.Tensor]:
    """Return the state dict of a model; of several processes, only the first has it.

    One tensor at a time is put together on the device.
    """
    if processes.size == 1:
        state: dict[str, torch.Tensor] = model.state_dict()
        return state
    state = model.state_dict(keep_vars=True)
    once: dict[int, torch.Tensor] = {}  # tied weights stay one tensor
    for tensor in state.values():
        if id(tensor) not in once:
            gathered = whole(tensor.detach())
            once[id(tensor)] = gathered.cpu() if processes.is_first else gathered[:0]
    return {n: once[id(t)] for n, t in state.items()} if processes.is_first else {}


def _mesh(device: str, processes: Processes, settings: Sharding) -> Any:
    """Return all processes in a row, or one row per machine."""
    from torch.distributed.device_mesh import init_device_mesh

    if settings.over == "all":
        return init_device_mesh(device, (processes.size,))
    machines, rest = divmod(processes.size, processes.per_machine)
    if rest:
        raise RunError(
            f"{processes.size} processes are not as many on every machine",
            where="training.sharding.over",
            mend="Start the same number on each, or divide the weights over all.",
        )
    shape = (machines, processes.per_machine)
    return init_device_mesh(device, shape, mesh_dim_names=("copies", "slices"))
