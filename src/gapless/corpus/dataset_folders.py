"""Folders of data sets: which of their files hold documents.

A folder saved by Hugging Face ``datasets`` (``save_to_disk``) names its files in ``state.json``;
caches may lie beside them. A folder as it comes from the Hub holds tables (Parquet, JSON Lines,
CSV, Arrow) and papers about them, such as README.md and LICENSE.txt.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeVar

from gapless.corpus.remote import RemoteFile
from gapless.errors import DataError

_File = TypeVar("_File", Path, RemoteFile)

_STATE, _INFO = "state.json", "dataset_info.json"
_TEXTS = (".txt", ".md", ".html", ".htm")
"""The formats in which one file is one document."""
_PAPERS = re.compile(
    r"(authors|changelog|changes|citation|code_of_conduct|contributing|copying|copyright"
    r"|data_?card|dataset_card|datasheet|licen[cs]e|notice|readme)$"
)
_CACHE_BEGINNING = "cache-"


def saved_files(folder: Path) -> list[Path] | None:
    """Return the data files of a folder that ``save_to_disk`` wrote, or None for another folder.

    Raises:
        DataError: the folder's list of files cannot be read, or one of them is not there.

    """
    state = folder / _STATE
    if not (state.is_file() and (folder / _INFO).is_file()):
        return None
    mend = "Save the data set again with `save_to_disk`, or name its files one by one."
    try:
        entries = json.loads(state.read_bytes())["_data_files"]
        files = [folder / Path(entry["filename"]).name for entry in entries]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = "the list of the data set's files cannot be read"
        raise DataError(what, where=str(state), mend=mend) from error
    for file in files:
        if not file.is_file():
            raise DataError(f"the file {file.name} is not there", where=str(state), mend=mend)
    return files


def without_papers(files: list[_File]) -> list[_File]:
    """Leave out the caches, and the papers about the data where there are tables beside them."""
    if all(_is_text(file) for file in files):
        return files
    return [file for file in files if not (_is_paper(file) or _is_cache(file))]


def _is_text(file: Path | RemoteFile) -> bool:
    return file.name.lower().endswith(_TEXTS)


def _is_paper(file: Path | RemoteFile) -> bool:
    stem = file.name.lower().split(".", 1)[0].replace("-", "_")
    return _is_text(file) and _PAPERS.match(stem) is not None


def _is_cache(file: Path | RemoteFile) -> bool:
    return file.suffix == ".arrow" and file.name.startswith(_CACHE_BEGINNING)
