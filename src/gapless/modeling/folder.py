"""What a model folder holds, read without loading weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.errors import ModelError


@dataclass(frozen=True)
class ModelFacts:
    """Sizes of a model."""

    parameters: int
    """All parameters, tied ones once."""
    layers: int
    hidden_size: int
    vocabulary_size: int
    context: int | None
    """The longest input the model was built for; None when its config does not say."""
    heads: int = 0
    """Heads of attention; 0 when the config does not say."""
    attention_size: int = 0
    """Width of all heads together; where the config says nothing, the hidden size."""
    intermediate_size: int = 0
    """Width of the MLP; where the config says nothing, four times the hidden size."""

    def training_flops(self, tokens: int, context: int) -> float:
        """Floating-point operations to train on ``tokens``.

        6 per parameter and token, and 12 x layers x hidden x context for attention (Kaplan et al.
        2020, section 2.1; Chowdhery et al. 2022, appendix B).
        """
        per_token = 6 * self.parameters + 12 * self.layers * self.hidden_size * context
        return float(per_token) * tokens


def weight_files(folder: Path) -> list[Path]:
    """Return config.json and the safetensors files of a model folder.

    Raises:
        ModelError: there is no such folder, no config.json or no safetensors in it.

    """
    if not folder.is_dir():
        raise ModelError(
            "there is no such model folder",
            where=str(folder),
            mend="Name a folder with config.json, safetensors and tokenizer files, "
            "or asset:NAME (gapless assets list shows the names).",
        )
    config, weights = folder / "config.json", _weights_of(folder)
    if not config.is_file():
        raise ModelError("the model folder has no config.json", where=str(folder))
    if not weights:
        others = sorted(p.name for p in folder.iterdir() if p.suffix in {".bin", ".pt", ".pth"})
        mend = (
            f"Convert {others[0]} to safetensors first: other formats can run code when loaded."
            if others
            else "Copy the *.safetensors files of the model there."
        )
        raise ModelError(
            "the model folder has no weights (*.safetensors)", where=str(folder), mend=mend
        )
    return [config, *weights]


def _weights_of(folder: Path) -> list[Path]:
    """Return the files that `transformers` would load; others may lie beside them."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = json.loads(index.read_text())["weight_map"].values()
        return [folder / name for name in sorted(set(names)) if (folder / name).is_file()]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else []


def facts_of(folder: Path) -> ModelFacts:
    """Return a model folder's sizes from its headers and its config."""
    config_path, *weights = weight_files(folder)
    try:
        config = json.loads(config_path.read_text())
    except ValueError as error:
        raise ModelError(f"config.json is not JSON: {error}", where=str(config_path)) from error
    config = config.get("text_config", config)
    parameters = sum(_parameters_in(path) for path in weights)
    return _facts(config, parameters, int(config.get("vocab_size", 0)))


def _facts(config: Mapping[str, Any], parameters: int, vocabulary_size: int) -> ModelFacts:
    """Return sizes from a config, some of which older architectures call by other names."""
    hidden = int(config.get("hidden_size") or config.get("n_embd") or 0)
    heads = int(config.get("num_attention_heads") or config.get("n_head") or 0)
    inner = config.get("intermediate_size") or config.get("n_inner") or 4 * hidden
    return ModelFacts(
        parameters=parameters,
        layers=int(config.get("num_hidden_layers") or config.get("n_layer") or 0),
        hidden_size=hidden,
        vocabulary_size=vocabulary_size,
        context=config.get("max_position_embeddings"),
        heads=heads,
        attention_size=heads * int(config.get("head_dim") or 0) or hidden,
        intermediate_size=inner if isinstance(inner, int) else max(inner),
    )


def _parameters_in(path: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as tensors:
            shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"the weights cannot be read: {error}", where=str(path), mend="Fetch the file again."
        ) from error
    total = 0
    for shape in shapes:
        size = 1
        for extent in shape:
            size *= extent
        total += size
    return total


def facts_of_config(
    architecture: str, settings: dict[str, Any], vocabulary_size: int
) -> ModelFacts:
    """Return the sizes of a model that does not exist yet; nothing is allocated."""
    from gapless.modeling.load import hollow_new_model

    model = hollow_new_model(architecture, settings, vocabulary_size)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return _facts(model.config.get_text_config().to_dict(), parameters, vocabulary_size)
