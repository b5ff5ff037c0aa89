"""A quantised GGUF model to a safetensors folder that transformers and gapless can load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from gapless.assets.passages import inside
from gapless.errors import AssetError


def smollm2(root: Path, folder: Path) -> None:
    """Convert SmolLM2-135M-Instruct; its 4-bit weights become 32-bit floats."""
    convert(inside(root, "SmolLM2-135M-Instruct.Q4_1.gguf"), folder)
    _cut_digits(folder / "tokenizer.json")


def smollm2_file(root: Path, folder: Path) -> None:
    """Keep the GGUF file as it is."""
    found = inside(root, "SmolLM2-135M-Instruct.Q4_1.gguf")
    shutil.copyfile(found, folder / found.name)


def _cut_digits(tokenizer: Path) -> None:
    """Cut numbers into digits first, as the model was trained (its GGUF says ``pre: smollm``).

    transformers gives every byte-level GGUF tokenizer GPT-2's rules.
    """
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    changed = Tokenizer.from_file(str(tokenizer))
    changed.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    changed.save(str(tokenizer))


def convert(gguf: Path, folder: Path) -> None:
    """Write config, safetensors and tokenizer of a GGUF file's model into a folder.

    transformers refuses to save a model that it has read from GGUF, because its config says that
    it is quantised: the weights are copied into a fresh model of the same shape.

    Raises:
        AssetError: transformers, gguf or accelerate is not installed.

    """
    transformers = _transformers()
    loaded = transformers.AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype="float32"
    )
    settings = loaded.config.to_dict()
    settings.pop("quantization_config", None)
    fresh = type(loaded)(type(loaded.config).from_dict(settings))
    fresh.load_state_dict(loaded.state_dict())
    fresh.tie_weights()
    fresh.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.save_pretrained(folder)


def _transformers() -> Any:
    """Return transformers, once it and what it needs to read GGUF are known to be there."""
    import importlib

    try:
        for name in ("gguf", "accelerate"):
            importlib.import_module(name)
        return importlib.import_module("transformers")
    except ImportError as error:
        raise AssetError(
            f"converting a GGUF model needs the package {error.name}",
            mend="Install it with: pip install 'gapless[assets]'",
        ) from error
