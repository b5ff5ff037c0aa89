"""Small tokenizers of the kinds in use, trained on a few sentences."""

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

END, UNKNOWN = "<|endoftext|>", "<unk>"
TEXTS = [
    "The cell divides. The cell wall holds; the cell's wall is 12 nm thick, 2024 of them.",
    "La cellule se divise en 2024. Les parois tiennent, n'est-ce pas?",
    "def divide(cell):\n    return cell / 2\n\n\tpass  # 100 %\n",
] * 5


def byte_bpe(pre_tokenizer, *, alphabet=None, normalizer=None, vocabulary_size=400):
    """Train a byte-level BPE; ``alphabet`` None is that of all bytes."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.ByteLevel()
    if normalizer is not None:
        backend.normalizer = normalizer
    letters = pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END],
        initial_alphabet=letters,
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)
    return backend


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


def split(pattern, behavior="isolated"):
    """Cut by a pattern, then turn bytes into letters."""
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior=behavior), byte_level(use_regex=False)]
    )


def after_digits(*, each):
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=each), byte_level()])


def gpt2_like():
    return byte_bpe(byte_level())


def roberta_like():
    """As the files of RoBERTa's fast tokenizer have it when a space is put before each text."""
    return byte_bpe(byte_level(add_prefix_space=True))


def smollm2_like(*, each=True):
    """Digits alone, and a vocabulary without the bytes that its text did not have."""
    return byte_bpe(after_digits(each=each), alphabet=[])


def llama_like():
    """SentencePiece's BPE: spaces are letters, unknown letters are spelled in bytes."""
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token=UNKNOWN, fuse_unk=True))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    spelled = [f"<0x{n:02X}>" for n in range(256)]
    special = [UNKNOWN, "<s>", END, *spelled]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    return backend


def word_piece():
    backend = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=[UNKNOWN, END], show_progress=False
    )
    backend.train_from_iterator(TEXTS, trainer)
    return backend


def unigram():
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=[UNKNOWN, END], unk_token=UNKNOWN, show_progress=False
    )
    backend.train_from_iterator(TEXTS, trainer)
    return backend
