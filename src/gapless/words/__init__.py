"""Texts to words: one definition for cleaning, copies, contamination and n-gram models.

    texts --split_words--> Words (hashes) --ngram_hashes--> hashes of n words in a row
    texts --normalise--> lower-cased words with single spaces between them

A word is a run of letters, marks and digits (an apostrophe may stand inside), lower-cased; an
ideograph or kana is a word by itself; all else stands between words. The loops are compiled by
Numba and leave Python's lock alone, so threads can share the work.
"""

from gapless.words.ngrams import ngram_hashes
from gapless.words.normal import normalise
from gapless.words.split import VERSION, Words, split_words

__all__ = ["VERSION", "Words", "ngram_hashes", "normalise", "split_words"]
