"""A byte-level BPE tokenizer made from text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gapless.errors import ModelError

END_OF_TEXT = "<|endoftext|>"

_NUM_BYTES = 256
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"  # English contractions
    r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+"  # a word with the space or sign before it
    r"|\p{N}"  # each digit by itself
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"  # signs
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""GPT-4's way of cutting text into words, with single digits and marks kept on their letters."""


def train_byte_bpe(texts: Iterable[str], vocabulary_size: int, out: Path) -> int:
    """Train a tokenizer, save it as a `transformers` folder and return how many ids it has.

    It encodes any text and gives it back unchanged. Its one special token begins and ends a
    document. Little text gives fewer ids than asked for. The same
    texts give the same files, byte for byte.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary_size <= _NUM_BYTES:
        smallest = _NUM_BYTES + 1
        what = f"a byte-level vocabulary of {vocabulary_size} ids is too small"
        mend = f"Ask for at least {smallest}: one id per byte and one special token."
        raise ModelError(what, mend=mend)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.save_pretrained(str(out))
    return int(backend.get_vocab_size())
