"""Paths of a recipe to files."""

from __future__ import annotations

import difflib
import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from gapless.corpus.dataset_folders import saved_files, without_papers
from gapless.corpus.readers import READERS, reader_of
from gapless.corpus.remote import RemoteFile, is_remote, remote_files
from gapless.errors import DataError

_GLOB_SIGNS = frozenset("*?[")
_SHOWN_NAMES = 5


SourceFile = Path | RemoteFile


def size_of(file: SourceFile) -> int:
    """Return how many bytes a file has."""
    return file.size if isinstance(file, RemoteFile) else file.stat().st_size


def source_files(paths: Sequence[str], recipe_dir: Path) -> list[SourceFile]:
    """Return the files of a source: of each path in turn, sorted by name, each file once.

    Raises:
        DataError: a path leads nowhere, or to nothing that can be read.

    """
    files: dict[SourceFile, SourceFile] = {}
    for text in paths:
        for file in _remote(text) if is_remote(text) else _local(text, recipe_dir):
            files.setdefault(file.resolve() if isinstance(file, Path) else file, file)
    return list(files.values())


def _remote(text: str) -> list[RemoteFile]:
    every = remote_files(text)
    known = without_papers([file for file in every if reader_of(file) is not None])
    if not known:
        raise DataError(_nothing_known(every), where=text, mend=_formats())
    return known


def _local(text: str, recipe_dir: Path) -> list[Path]:
    path = recipe_dir / Path(text).expanduser()
    if path.is_file():
        if reader_of(path) is None:
            raise DataError("the file's format is unknown", where=text, mend=_formats())
        return [path]
    if path.is_dir():
        found = [path]
    elif _GLOB_SIGNS & set(text):
        found = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        if not found:
            what = f"no file fits this pattern (looked for {path})"
            raise DataError(what, where=text, mend=_nearest(path))
    else:
        what = f"there is no such file or folder (looked for {path})"
        raise DataError(what, where=text, mend=_nearest(path))
    every = sorted({file for one in found for file in _walk(one)})
    known = without_papers([file for file in every if reader_of(file) is not None])
    if not known:
        raise DataError(_nothing_known(every), where=text, mend=_formats())
    return known


def _walk(path: Path) -> Iterator[Path]:
    """Give the files of a folder at any depth, but no hidden ones; a file gives itself."""
    if path.is_file():
        yield path
    elif path.is_dir() and (saved := saved_files(path)) is not None:
        yield from saved
    elif path.is_dir():
        for child in path.iterdir():
            if not child.name.startswith(".") and not _leads_back(child):
                yield from _walk(child)


def _leads_back(path: Path) -> bool:
    """Whether a link leads to a folder that it lies in."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def _nothing_known(files: Sequence[SourceFile]) -> str:
    if not files:
        return "there are no files in it"
    endings = Counter(file.suffix or "no suffix" for file in files)
    shown = ", ".join(f"{count} x {suffix}" for suffix, count in sorted(endings.items()))
    return f"none of its {len(files)} files has a known format ({shown})"


def _formats() -> str:
    return f"Files are read by the end of their name: {', '.join(READERS)}."


def _nearest(path: Path) -> str:
    """Say what is there, as far down the path as it exists."""
    parent = path.parent
    while not parent.is_dir():
        path, parent = parent, parent.parent
    names = sorted(child.name for child in parent.iterdir() if not child.name.startswith("."))
    near = difflib.get_close_matches(path.name, names, n=_SHOWN_NAMES, cutoff=0.5)
    shown = near or names[:_SHOWN_NAMES]
    if not shown:
        return f"The folder {parent} is empty."
    return f"The nearest names in {parent}: {', '.join(shown)}."
