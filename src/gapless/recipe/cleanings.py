"""Cleaning, deduplication and decontamination: what a document must be to be trained on."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Fraction, Part


class Unicode(Part):
    """Repair mojibake (ftfy), normalise to NFC, end lines with a line feed, drop other controls."""

    type: Literal["unicode"] = "unicode"


class Boilerplate(Part):
    """Drop lines that are web furniture: cookie notices, share buttons, navigation, counters."""

    type: Literal["boilerplate"] = "boilerplate"


class GopherQuality(Part):
    """The quality rules of Gopher (Rae et al. 2021, appendix A.1.1), with their thresholds.

    They are for languages that write spaces between words. A value at a threshold stays.
    """

    type: Literal["gopher_quality"] = "gopher_quality"
    min_words: int = 50
    """Words are what stands between white space."""
    max_words: int = 100_000
    min_mean_word_length: float = 3.0
    max_mean_word_length: float = 10.0
    max_symbol_word_ratio: float = 0.1
    """Hash symbols, and ellipses, each per word."""
    max_bullet_line_fraction: Fraction = 0.9
    max_ellipsis_line_fraction: Fraction = 0.3
    min_alphabetic_word_fraction: Fraction = 0.8
    min_stop_words: int = 2
    """Of the, be, to, of, and, that, have, with. 0 for texts that are not English."""


class GopherRepetition(Part):
    """The repetition rules of Gopher (Rae et al. 2021, table A1), with their thresholds.

    The first of several equal lines, paragraphs or n-grams is not counted as a duplicate.
    """

    type: Literal["gopher_repetition"] = "gopher_repetition"
    max_duplicate_line_fraction: Fraction = 0.3
    max_duplicate_paragraph_fraction: Fraction = 0.3
    max_duplicate_line_character_fraction: Fraction = 0.2
    max_duplicate_paragraph_character_fraction: Fraction = 0.2
    max_top_ngram_character_fractions: dict[int, Fraction] = Field(
        default={2: 0.20, 3: 0.18, 4: 0.16}
    )
    """By words per n-gram: of the characters, those of the most frequent n-gram."""
    max_duplicate_ngram_character_fractions: dict[int, Fraction] = Field(
        default={5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
    )
    """By words per n-gram: of the characters, those of n-grams that stood earlier."""


class C4(Part):
    """The rules of C4 (Raffel et al. 2020, section 2.2), with its program's thresholds.

    Lines first, then the document.
    """

    type: Literal["c4"] = "c4"
    line_ends_with_punctuation: bool = True
    min_words_per_line: int = 5
    min_sentences: int = 3
    max_word_length: int = 1000
    """A line with a longer word, in characters, is dropped."""
    remove_javascript_lines: bool = True
    remove_policy_lines: bool = True
    remove_citations: bool = True
    """Take [1], [edit] and [citation needed] out of lines."""
    refuse_lorem_ipsum: bool = True
    refuse_curly_bracket: bool = True


class FineWeb(Part):
    """The rules FineWeb added (Penedo et al. 2024), with their thresholds. At one is inside."""

    type: Literal["fineweb"] = "fineweb"
    min_line_punctuation_fraction: Fraction = 0.12
    max_short_line_fraction: Fraction = 0.67
    short_line_characters: int = 30
    """A line of at most this many characters is short."""
    max_duplicate_line_character_fraction: Fraction = 0.1
    """As in the paper; datatrove has 0.01."""
    max_newline_word_ratio: float = 0.3
    """Only datatrove has this rule."""


class LanguageIs(Part):
    """Keep documents in given languages, as py3langid finds in their first 1,000 characters."""

    type: Literal["language"] = "language"
    keep: Annotated[tuple[str, ...], Field(min_length=1)]
    """ISO 639-1 codes."""
    min_confidence: Fraction = 0.65
    """A document whose language is less sure is removed as ``language:unsure``."""


class MaskPersonalData(Part):
    """Put placeholders in place of e-mail addresses, global IP addresses and phone numbers."""

    type: Literal["mask_personal_data"] = "mask_personal_data"
    email: bool = True
    ip: bool = True
    phone: bool = True


Cleaner = Annotated[
    Unicode
    | Boilerplate
    | GopherQuality
    | GopherRepetition
    | C4
    | FineWeb
    | LanguageIs
    | MaskPersonalData,
    Field(discriminator="type"),
]


class Cleaning(Part):
    """What a document must be to stay. Every removal has a reason and is counted."""

    min_characters: int = Field(default=32, ge=1)
    """A shorter document is removed as ``too_short``."""
    max_broken_fraction: Fraction = 0.01
    """One with more U+FFFD and control characters than this is removed as ``broken_text``."""
    max_bad_records: Fraction = 0.05
    """More records than this that cannot be read at all stop the run instead of being skipped."""
    keep_removed: bool = False
    """Keep the whole text of what is removed, in the documents' ``removed`` tables."""
    cleaners: tuple[Cleaner, ...] = ()
    """Named cleaners, in this order, after the checks above."""


class NearDuplicates(Part):
    """Find near copies: MinHash, banded hashing, then the estimated Jaccard index.

    Two documents are compared when one band of their signatures is equal; they are copies when the
    fraction of equal hashes reaches the threshold.
    """

    ngram: Annotated[int, Field(ge=1)] = 5
    """Words per shingle."""
    bands: Annotated[int, Field(ge=1)] = 14
    rows: Annotated[int, Field(ge=1)] = 8
    """Hashes per band. 14 bands of 8 find 3/4 similar pairs 77 % of the time (as FineWeb)."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Estimated Jaccard index from which two documents are copies."""


class Paragraphs(Part):
    """Remove paragraphs that stand, byte for byte, earlier in the same source; the first stays.

    A paragraph is a line, as in CCNet (Wenzek et al. 2020; there case, digits and punctuation are
    no difference). Cleaners see the text as it was before. A document that equals an earlier one,
    or is left with too little, is removed as ``duplicate_paragraphs``.
    """

    min_characters: Annotated[int, Field(ge=1)] = 100
    """A shorter paragraph stays, and a document that has fewer characters left goes.

    Headings and the lines of a hard-wrapped text, mostly 80 characters, repeat for good reasons.
    """


class Deduplication(Part):
    """Which copies are removed, over all sources together. The first in precedence stays."""

    exact: bool = True
    """Remove documents whose text equals, byte for byte, that of another one."""
    paragraphs: Paragraphs | None = None
    """Remove paragraphs that stand, byte for byte, earlier in the same source."""
    near: NearDuplicates | None = None
    """Remove near copies too."""
    precedence: tuple[str, ...] = ()
    """Sources whose copy stays, best first; then the others as the recipe lists them."""


class Decontamination(Part):
    """Keep documents that hold evaluation items out of the training text.

    Every item of every probe is looked for: by its word n-grams, or, when it is shorter than one,
    whole. Without this, ``run`` asks for ``--allow-contamination``.
    """

    ngram: Annotated[int, Field(ge=2)] = 13
    """Words that must be the same in a row."""
    held_out_fraction: Fraction = 0.1
    """Fraction of a held-out text's n-grams that marks a document: one may be a set phrase."""
    set_phrase: Fraction = 0.001
    """An n-gram that more of a source's documents (and over ten) have marks no held-out text."""
    options: bool = False
    """Also remove documents that hold the right answer of a question, whole (paper 1, section 5.1).

    Short answers are common words: this removes much.
    """
    min_option_words: Annotated[int, Field(ge=1)] = 4
    """Answers shorter than this are not looked for."""
