"""Models in memory."""

from pathlib import Path
from typing import Any

from gapless.errors import ModelError, RecipeError
from gapless.modeling.folder import weight_files
from gapless.modeling.save import without_bars
from gapless.seeds import stream_key


def load_model(folder: Path) -> Any:
    """Return the causal language model of a folder, with fp32 weights, in training mode."""
    import torch
    from transformers import AutoModelForCausalLM

    _flush_subnormals()
    weight_files(folder)
    try:
        with without_bars():
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
            )
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        raise _not_loaded(folder, error) from error
    return model.train()


def _flush_subnormals() -> None:
    """Have the smallest numbers taken for 0: on a CPU they are a hundred times slower.

    In the whole process, and before it multiplies anything: threads of torch's that are there
    already would keep them, and a run that was resumed would end in other bits.
    """
    import torch

    torch.set_flush_denormal(True)


def _not_loaded(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"`transformers` cannot load the model: {error}", where=str(folder))


def hollow_model(folder: Path) -> Any:
    """Return the causal language model of a folder without its weights, on the meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    weight_files(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        raise _not_loaded(folder, error) from error


def hollow_new_model(architecture: str, settings: dict[str, Any], vocabulary_size: int) -> Any:
    """Return a new model without its weights, on the meta device."""
    import torch

    with torch.device("meta"):
        return new_model(architecture, settings, vocabulary_size=vocabulary_size, seed=0)


def new_model(
    architecture: str, settings: dict[str, Any], *, vocabulary_size: int, seed: int
) -> Any:
    """Return a causal language model with random fp32 weights, in training mode.

    The draw depends on ``seed`` alone; the process's own random state stays as it was.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    _flush_subnormals()
    try:
        config = AutoConfig.for_model(architecture, vocab_size=vocabulary_size, **settings)
    except (ValueError, TypeError) as error:
        raise RecipeError(
            f"`transformers` cannot make a {architecture!r} model of these settings: {error}",
            where="model",
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "model") % 2**63)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32).train()
