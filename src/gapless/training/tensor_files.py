"""Tensors on the disk: safetensors files that are read back before they are trusted."""

import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

_FULL_DISK = "os error 28"


def write_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a file, wait until the disk has it, and compare what the disk has with the memory.

    Raises:
        OSError: the disk is full, or holds something else than what was written.

    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(dict(tensors), path, metadata={"format": "pt"})
    except SafetensorError as error:
        if _FULL_DISK in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    _let_the_disk_answer(path)
    files = TensorFiles([path])
    for name, tensor in tensors.items():
        if not torch.equal(_bits(files.rows(name)), _bits(tensor.cpu())):
            what = f"the disk gives back other bytes than it was given (tensor {name})"
            raise OSError(errno.EIO, what, str(path))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class TensorFiles:
    """The tensors of one file or several, by name; memory-mapped."""

    def __init__(self, paths: Iterable[Path]) -> None:
        from safetensors import safe_open

        self._file_of: dict[str, Any] = {}
        for path in paths:
            file: Any = safe_open(path, framework="pt")
            self._file_of |= dict.fromkeys(file.keys(), file)

    @property
    def names(self) -> list[str]:
        """All names."""
        return list(self._file_of)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape, without reading it."""
        return tuple(self._file_of[name].get_slice(name).get_shape())

    def rows(self, name: str, rows: slice = slice(None)) -> torch.Tensor:
        """Return some rows of a tensor, or the tensor; those without dimensions have no rows."""
        file = self._file_of[name]
        tensor: torch.Tensor = (
            file.get_tensor(name) if rows == slice(None) else file.get_slice(name)[rows]
        )
        return tensor


def _let_the_disk_answer(path: Path) -> None:
    """Flush a file and have it forgotten, so that the next reader asks the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor's bytes: a NaN equals itself in them."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)
