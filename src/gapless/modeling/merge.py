"""The average of model folders, tensor by tensor: never two whole models in memory."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import ModelError
from gapless.modeling.folder import weight_files

if TYPE_CHECKING:
    import torch

_MOST_BYTES = 2 * 10**9
"""Of one file of weights: what is in memory at once, beside a tensor or two."""
_MAY_DIFFER = {
    *("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache"),
    "max_position_embeddings",
}
"""What a config says that is not the shape of the model, or shows in the shape of a tensor; ids of
tokens, which an instruct model has others of, may differ too."""
_HEAD = "lm_head.weight"


def merge_models(
    folders: Sequence[Path], weights: Sequence[float], out: Path, *, file_bytes: int = _MOST_BYTES
) -> None:
    """Write the sum of weight x model, computed in fp32, into an existing folder.

    The number formats, the config and the generation config are those of the first folder. A weight
    of 0 leaves its model out, so that weights (0, 1) give the second model bit by bit (in the
    format of the first). Model soups: Wortsman et al. 2022a; WiSE-FT: Wortsman et al. 2022b.

    Raises:
        ModelError: configs, names or shapes do not agree.

    """
    from safetensors.torch import save_file

    models = [_Tensors(folder) for folder in folders]
    for other in models[1:]:
        models[0].check_agrees(other)
    files = list(models[0].in_files_of(file_bytes))
    weight_map: dict[str, str] = {}
    for number, names in enumerate(files, start=1):
        merged = {name: _sum(name, models, weights) for name in names}
        file = f"model-{number:05d}-of-{len(files):05d}.safetensors"
        file = "model.safetensors" if len(files) == 1 else file
        save_file(merged, out / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(names, file)
    if len(files) > 1:
        size = sum(models[0].bytes_of(name) for name in weight_map)
        index = {"metadata": {"total_size": size}, "weight_map": weight_map}
        (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    for name in ("config.json", "generation_config.json"):
        if (folders[0] / name).is_file():
            shutil.copyfile(folders[0] / name, out / name)


def _sum(name: str, models: "Sequence[_Tensors]", weights: Sequence[float]) -> "torch.Tensor":
    import torch

    dtype = models[0].read(name).dtype
    terms = [(model, weight) for model, weight in zip(models, weights, strict=True) if weight != 0]
    if not dtype.is_floating_point:
        return _the_same(name, models)
    if len(terms) == 1 and terms[0][1] == 1:
        return terms[0][0].read(name).to(dtype)
    total = torch.zeros(models[0].shape(name))
    for model, weight in terms:
        total.add_(model.read(name).float(), alpha=weight)
    return total.to(dtype)


def _the_same(name: str, models: "Sequence[_Tensors]") -> "torch.Tensor":
    """Return a tensor of whole numbers, which has no average."""
    import torch

    first = models[0].read(name)
    for other in models[1:]:
        if not torch.equal(other.read(name), first):
            raise ModelError(
                f"tensor {name!r} holds whole numbers and differs from that of {models[0].folder}",
                where=str(other.folder),
            )
    return first


class _Tensors:
    """A model folder's tensors, read when asked for."""

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError, safe_open
        from transformers import AutoConfig

        self.folder = folder
        _, *files = weight_files(folder)
        try:
            # As `transformers` reads it: what older versions wrote comes out the same.
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            opened: list[Any] = [safe_open(path, framework="pt") for path in files]
        except (ValueError, OSError, KeyError, SafetensorError) as error:
            raise ModelError(f"the model cannot be read: {error}", where=str(folder)) from error
        self.config: dict[str, Any] = _shape_of(config.to_dict())
        self.files: dict[str, Any] = {}
        for file in opened:
            self.files |= dict.fromkeys(file.keys(), file)
        if getattr(config.get_text_config(), "tie_word_embeddings", False):  # some hold it twice
            self.files.pop(_HEAD, None)
        if any(".lora_A." in name for name in self.files):
            raise ModelError(
                "this is a checkpoint of a LoRA run: its adapters are not merged",
                where=str(folder),
                mend="Give the folder `model` of the finished run.",
            )

    def read(self, name: str) -> "torch.Tensor":
        """Load one tensor."""
        tensor: torch.Tensor = self.files[name].get_tensor(name)
        return tensor

    def shape(self, name: str) -> list[int]:
        """Return a tensor's shape from the file's header."""
        shape: list[int] = self.files[name].get_slice(name).get_shape()
        return shape

    def bytes_of(self, name: str) -> int:
        """Return a tensor's size."""
        tensor = self.read(name)  # memory-mapped: costs nothing
        return tensor.numel() * tensor.element_size()

    def in_files_of(self, most_bytes: int) -> Iterator[list[str]]:
        """Yield the names in groups of at most so many bytes, or of one tensor."""
        group, size = list[str](), 0
        for name in sorted(self.files):
            if group and size + self.bytes_of(name) > most_bytes:
                yield group
                group, size = [], 0
            group.append(name)
            size += self.bytes_of(name)
        yield group

    def check_agrees(self, other: "_Tensors") -> None:
        """Refuse a model that is not of the same shape."""
        ours, theirs = self.config, other.config
        differing = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))
        if differing:
            shown = "; ".join(f"{k} {theirs.get(k)!r} and {ours.get(k)!r}" for k in differing[:3])
            raise self._refused(other, f"the configs differ: {shown}")
        for name in sorted(self.files.keys() ^ other.files.keys()):
            raise self._refused(
                other,
                f"only one of the two has a tensor {name!r}",
                mend="Where one of them is a checkpoint, give the folder `model` of the finished "
                "run instead: some architectures call or divide their tensors otherwise in memory, "
                "as a checkpoint has them, than in a folder that is exported.",
            )
        for name in self.files:
            if self.shape(name) != other.shape(name):
                what = f"tensor {name!r} has the shape {other.shape(name)} and {self.shape(name)}"
                raise self._refused(other, what)

    def _refused(self, other: "_Tensors", why: str, mend: str | None = None) -> ModelError:
        return ModelError(
            f"this model cannot be averaged with {self.folder}: {why}",
            where=str(other.folder),
            mend=mend or "Only models that come from one base have weights that mean the same.",
        )


def _shape_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config says of the shape of a model, and of parts of it with their own."""
    return {
        name: _shape_of(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name not in _MAY_DIFFER and not str(name).endswith(("token_id", "token_ids"))
    }
