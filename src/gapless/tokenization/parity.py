"""Whether a fast encoder gives the same ids as the plain one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from gapless.seeds import stream
from gapless.tokenization.plain import lengths_in_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    from tokenizers import Tokenizer

    from gapless.tokenization.plain import Encoder, Ids, PlainEncoder

_FIRST_BYTES, _ONE_BYTE_OF = 32 << 10, 2048
"""How much text is compared: the plain encoder is some 60 times slower, so this takes 3 %."""
_DRAWN = 64
"""Documents drawn from a piece to choose from."""

# One of each kind of character that the rules for cutting text into words tell apart.
_KINDS = "aZ1 \n\t'-\u00a0\u0301\u4e2d\u00b2\u200d\U0001f600"
_HARD_TEXTS = (
    "",
    " ",
    "I'm you're he'll she'd we've it's don't I'M YOU'RE IT'S 's 'S '\u017f x'",
    "camelCase HTTPServer XMLHttpRequest snake_case_name kebab-case $var @user #tag",
    "0 1 12 123 1234 12345 1,234.56 1e-9 0x1F 3.14 10% 2024-11-21 \u0661\u0662 \u00bd \u2167",
    "a  b   c    d     e\n\n\n  f\t\tg \r\n\r\n h\r\r i \n \n  ",
    "\u00a0 \u2003\u2003x \u3000y \u2028z \u0085 \u200b\u200c\u200d \ufeff \u180e",
    "e\u0301\u0323 n\u0303 \u0915\u094d\u0937\u093f \u0e01\u0e33 \u0627\u0644\u0633\u0644\u0627",
    "\u7d30\u80de\u306f\u5206\u88c2\u3059\u308b\u3002 \uc138\uad6c \u0434\u0435\u043b\u0438\u0442",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \U0001f44d\U0001f3fd",
    "\x00\x01\x02\x07\x08\x0b\x0c\x1b\x1c\x1f\x7f\x80\x9f \ufffd \ufffe \ue000 \U0010ffff",
    "\ufb01 \u1e9e \u0130 \u01c5 \u212b \uff21\uff11 \U0001d400 \U00020000",
    "if x == y:\n    return [i ** 2 for i in range(10)]  # done\n\n\n\tend();}\n//--\n",
    "https://example.org/a?b=c&d=%20#e <b>bold</b> {{x}} \\frac{1}{2} ... !!! ??? --- ====",
    "x" * 3000 + " " * 3000 + "ab" * 1500 + "\n" * 300 + "-" * 300 + "7" * 300 + "\u4e2d" * 300,
)


class Differs(Exception):  # noqa: N818  (it is an answer, caught where the check is asked for)
    """The encoders differ on a text."""

    def __init__(self, text: str) -> None:
        super().__init__(f"differs on a text that begins with {text[:20]!a}")


class CheckedEncoder:
    """A fast encoder that is compared with the plain one as long as it is used.

    It is compared on hard texts when it is made, on 32 kB of the first documents and on one byte
    of 2048 after that: whole documents, drawn at random, those with most non-ASCII bytes first.
    """

    def __init__(self, fast: Encoder, plain: PlainEncoder) -> None:
        """Raise Differs where they differ on a hard text."""
        self.num_sampled = 0
        """Documents compared so far."""
        self._fast, self._plain = fast, plain
        self._allowance, self._num_pieces = _FIRST_BYTES, 0
        _compare_hard_texts(fast, plain)

    def __call__(self, texts: pa.LargeStringArray) -> Ids:
        """Encode texts; raise Differs where a document among those compared differs."""
        ids, lengths = self._fast(texts)
        self._allowance += texts.nbytes // _ONE_BYTE_OF
        rows = self._sample(texts)
        if len(rows):
            ends = np.cumsum(lengths)
            ours = [ids[ends[row] - lengths[row] : ends[row]] for row in rows]
            _compare(texts.take(rows), (np.concatenate(ours), lengths[rows]), self._plain)
            self.num_sampled += len(rows)
        return ids, lengths

    def _sample(self, texts: pa.LargeStringArray) -> np.ndarray:
        """Draw the rows to compare: as many as the allowance pays for, which they lower."""
        import pyarrow.compute as pc

        draws = stream(0, "tokenization", "parity", self._num_pieces)
        self._num_pieces += 1
        num_bytes = lengths_in_bytes(texts)
        drawn = draws.permutation(np.flatnonzero(num_bytes <= self._allowance))[:_DRAWN]
        num_letters = pc.utf8_length(texts.take(drawn)).to_numpy()
        drawn = drawn[np.argsort(num_letters - num_bytes[drawn], kind="stable")]
        costs = np.cumsum(num_bytes[drawn])
        rows = drawn[costs <= self._allowance]
        self._allowance -= int(num_bytes[rows].sum())
        return np.sort(rows)


def hard_texts(encoder: Tokenizer) -> list[str]:
    """Return texts that encoders are known to differ on, with the names of its added tokens.

    Among them is every sequence of three kinds of characters.
    """
    triples = ["".join(a + b + c for b, c in product(_KINDS, repeat=2)) for a in _KINDS]
    names = [token.content for token in encoder.get_added_tokens_decoder().values()]
    return [*_HARD_TEXTS, *triples, *(f"{name}a {name} {name}{name}1\n{name}" for name in names)]


def _compare_hard_texts(fast: Encoder, plain: PlainEncoder) -> None:
    import pyarrow as pa

    texts = pa.array(hard_texts(plain.backend), pa.large_string())
    _compare(texts, fast(texts), plain)


def _compare(texts: pa.LargeStringArray, ours: Ids, plain: PlainEncoder) -> None:
    """Raise Differs for the first text that the plain encoder has other ids for."""
    theirs = plain(texts)
    if np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1]):
        return
    rows = zip(
        *(np.split(ids, np.cumsum(lengths)[:-1]) for ids, lengths in (ours, theirs)), strict=True
    )
    row = next(n for n, (a, b) in enumerate(rows) if not np.array_equal(a, b))
    raise Differs(texts[row].as_py())
