"""When two texts say the same: normal forms, and the longest run of words they have in common."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from gapless.evaluation.task_items import Normalisation

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(texts: Sequence[str], how: Normalisation) -> list[str]:
    """Return the normal forms of texts: equal where the texts count as the same answer."""
    if how == "words":
        return [" ".join(words) for words in words_of(texts)]
    return [_squad(text) if how == "squad" else text.strip() for text in texts]


def _squad(text: str) -> str:
    """Lower-case, drop ASCII punctuation, then articles, then spare white space.

    The order is that of SQuAD's own script (Rajpurkar et al. 2016, ``normalize_answer``).
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """Return the lower-cased words of texts, as `gapless.words` splits them: Chinese by signs."""
    import pyarrow as pa

    from gapless.words import split_words

    words = split_words(pa.array(texts, pa.large_string()))
    found = []
    for number, text in enumerate(texts):
        own = slice(words.offsets[number], words.offsets[number + 1])
        raw = text.encode()
        places = zip(words.begins[own].tolist(), words.ends[own].tolist(), strict=True)
        found.append([raw[begin:end].decode().lower() for begin, end in places])
    return found


def rouge_l(words: Sequence[str], reference: Sequence[str]) -> float:
    """Return Rouge-L: the F-measure of the longest common subsequence (Lin 2004, section 3.1).

    Precision and recall count alike, as in the package rouge-score. 0 where either has no word.
    """
    common = longest_common(words, reference)
    return 2 * common / (len(words) + len(reference)) if common else 0.0


def longest_common(words: Sequence[str], reference: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, bit-parallel (Hyyro 2004).

    A bit of ``row`` is 0 where the length grows at that word of the reference; each word of the
    other text moves such a place to the first match at or before it.
    """
    places: dict[str, int] = {}
    for number, word in enumerate(reference):
        places[word] = places.get(word, 0) | 1 << number
    full = (1 << len(reference)) - 1
    row = full
    for word in words:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & full
    return len(reference) - row.bit_count()
