"""A tokenizer folder, opened and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gapless.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_VOCABULARIES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "tiktoken.model",
)
"""One of them must be there: from its settings alone `transformers` makes a tokenizer of 3 ids."""
_SETTINGS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
)


def files(folder: Path) -> list[Path]:
    """Return the files that define the folder's tokenizer, sorted by name."""
    _check_folder(folder)
    names = (*_VOCABULARIES, *_SETTINGS)
    return sorted(folder / name for name in names if (folder / name).is_file())


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Open the tokenizer of a folder, from its files alone and without running code from it."""
    from transformers import AutoTokenizer

    _check_folder(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_fast=True
        )
    except Exception as error:  # a damaged folder fails in any way at all
        reason = str(error).strip().split("\n", 1)[0]
        what = f"the tokenizer cannot be loaded: {type(error).__name__}: {reason}"
        raise ModelError(what, where=str(folder), mend=_MEND) from error
    if not getattr(tokenizer, "is_fast", False):
        what = f"{type(tokenizer).__name__} has no fast form (tokenizer.json)"
        raise ModelError(what, where=str(folder), mend=_MEND)
    return tokenizer


_MEND = (
    "Give a folder with the tokenizer.json and tokenizer_config.json of the model, "
    "as tokenizer.save_pretrained writes them."
)


def prefix_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return the id that every document begins with: beginning-of-text, else end-of-text."""
    if tokenizer.bos_token_id is not None:
        return int(tokenizer.bos_token_id)
    return end_id(tokenizer)


def end_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return the id that every document ends with."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the tokenizer has no end-of-text token",
            where=tokenizer.name_or_path or None,
            mend='Name one as "eos_token" in its tokenizer_config.json.',
        )
    return int(tokenizer.eos_token_id)


def largest_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return the largest id the tokenizer can produce; ids may have holes."""
    return max(tokenizer.get_vocab().values(), default=-1)


def check_matches(tokenizer: PreTrainedTokenizerFast, vocabulary_size: int) -> None:
    """Refuse a tokenizer with ids that the model has no embedding row for."""
    largest = largest_id(tokenizer)
    if largest >= vocabulary_size:
        raise ModelError(
            f"the tokenizer has ids up to {largest}, "
            f"the model has {vocabulary_size} embedding rows (ids 0 to {vocabulary_size - 1})",
            where=tokenizer.name_or_path or None,
            mend="Use the model's own tokenizer: leave model.tokenizer out of the recipe, "
            "or give the folder that came with these weights.",
        )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "it is a file, not a folder" if folder.exists() else "there is no such folder"
        raise ModelError(f"no tokenizer here: {what}", where=str(folder), mend=_MEND)
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        what = f"no tokenizer here: none of {', '.join(_VOCABULARIES)}"
        raise ModelError(what, where=str(folder), mend=_MEND)
