"""Unicode, language and personal data: what changes, and what must not."""

import itertools
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from ftfy.badness import is_bad
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.corpus.cleaners import build_cleaner
from gapless.corpus.cleaners.personal_data import (
    mark_candidates,
    mask_emails,
    mask_ips,
    mask_phones,
)
from gapless.corpus.cleaners.unicode import character_kinds, mark_needs, mend
from gapless.errors import DataError
from gapless.recipe.cleanings import LanguageIs, MaskPersonalData, Unicode
from gapless.words.split import text_bytes


def array(*texts):
    return pa.array(texts, pa.large_string())


def changed(spec, text):
    answer = build_cleaner(spec)(array("before", text, "after"))
    assert answer.reasons is None
    before, text, after = answer.texts.to_pylist()
    assert (before, after) == ("before", "after")
    return text


def bits(marks, texts, *tables):
    data, borders = text_bytes(array(*texts))
    found = np.zeros(len(texts), dtype=np.uint8)
    marks(data, borders, *tables, found)
    return found


MENDED = {
    "caf\u00c3\u00a9 au lait": "caf\u00e9 au lait",
    "the firefighters\u00e2\u20ac\u2122 health": "the firefighters\u2019 health",
    "quotidi\x8a, daily": "quotidi\u0160, daily",
    "cafe\u0301": "caf\u00e9",
    "\u2126": "\u03a9",
    "a\r\nb\rc\nd\x0be\x0cf\u2028g\u2029h": "a\nb\nc\nd\ne\nf\ng\nh",
    "\ufeffa\x00b\x07c\x7fd\ufeff": "abcd",
    "\x1b[31mred\x1b[0m\tb": "red\tb",
    "a\ufff9b": "ab",
}
LEFT = (
    "plain text\twith a tab\nand a line",
    "\u201ccurly\u201d \u2018quotes\u2019 \u2013 dashes \u2026",
    "\ufb01ligature \uff21wide &amp; <b>",
    "\u4eba\u53c2\u3002 \u0627\u0644\u0639 \ud55c\uad6d \U0001f600\u200d\U0001f525",
    "5 \u00b1 3 \u00b5g at 37 \u00b0C, p \u2264 0.05 \u00d7 10\u207b\u00b3 (\u00a73)",
    "Stra\u00dfe, c\u0153ur, \u0153uvre, na\u00efve, \u010desk\u00e1 \u0159e\u010d",
)


@pytest.mark.parametrize("text", MENDED)
def test_broken_text_is_mended(text):
    assert changed(Unicode(), text) == MENDED[text]


@pytest.mark.parametrize("text", LEFT)
def test_good_text_is_left_alone(text):
    assert changed(Unicode(), text) == text


def test_a_batch_without_a_change_is_the_same_object():
    texts = array(*LEFT)
    assert build_cleaner(Unicode())(texts).texts is texts


def test_whatever_ftfy_would_mend_is_marked():
    characters = [chr(point) for point in np.flatnonzero(character_kinds())] + list("aA .?\n1")
    pairs = [a + b for a, b in itertools.product(characters, repeat=2)]
    num_bad = 0
    for before, after in (("", ""), ("a", ""), (" ", ""), ("x ", " "), ("", "a"), ("A", "a")):
        texts = [before + pair + after for pair in pairs]
        marked = bits(mark_needs, texts, character_kinds()) & 1
        bad = np.array([is_bad(text) for text in texts])
        num_bad += bad.sum()
        assert not (bad & (marked == 0)).any()
    assert num_bad > 100_000


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.one_of(
            st.characters(codec="utf-8"),
            st.sampled_from(
                "a \n\r\x1b[\u00c3\u00c2\u00a9\u00e2\u20ac\u2122\u0153\u0301\ufeff\u0085\u2028"
            ),
        )
    )
)
def test_a_text_that_is_not_marked_needs_nothing(text):
    assert changed(Unicode(), text) == mend(text)
    assert unicodedata.is_normalized("NFC", changed(Unicode(), text))


def test_languages_are_kept_named_or_unsure():
    german = "Der Patient wurde am Montag vom Arzt untersucht und mit einem Brief entlassen."
    english = "The patient was seen by the doctor on Monday and sent home with a letter."
    texts = array(english, german, "12 34")
    spec = LanguageIs(keep=("en", "fr"))
    assert build_cleaner(spec)(texts).reasons.to_pylist() == [
        None,
        "language:de",
        "language:unsure",
    ]
    sure = LanguageIs(keep=("en", "de"), min_confidence=1)
    assert build_cleaner(sure)(texts[:2]).reasons.to_pylist() == ["language:unsure"] * 2


def test_the_first_thousand_characters_say_the_language():
    english = "The patient was seen by the doctor on Monday and sent home with a letter. " * 14
    german = "Der Patient wurde am Montag vom Arzt untersucht und entlassen. " * 100
    assert build_cleaner(LanguageIs(keep=("en",)))(array(english + german)).reasons is None


def test_a_language_that_is_not_known_is_refused():
    with pytest.raises(DataError, match="'english' is no language"):
        build_cleaner(LanguageIs(keep=("en", "english")))


EMAIL, IPV4, IPV6, PHONE = "email@example.com", "192.0.2.1", "2001:db8::1", "+1-202-555-0100"
MASKED = {
    "Write to <jo.do+x@mail.uni-x.ac.uk>.": f"Write to <{EMAIL}>.",
    "mailto:a_b@c.io, (x@y.museum)": f"mailto:{EMAIL}, ({EMAIL})",
    "from 71.207.219.120 (talk)": f"from {IPV4} (talk)",
    "at [192.76.144.75], 8.8.108.208.": f"at [{IPV4}], {IPV4}.",
    "by 2601:406:C202:7591:82A:7DEE:F0F0:4077 (talk)": f"by {IPV6} (talk)",
    "call +44 (1223) 400 400. Fax": f"call {PHONE}. Fax",
    "+1 617 621 7084, +33 1 23 45 67 89": f"{PHONE}, {PHONE}",
    "+4915112345678": PHONE,
    "(908)668-5252 or 908-668-5252, 908.668.5252": f"{PHONE} or {PHONE}, {PHONE}",
    "1-800-555-1234": PHONE,
    "Tel.: 020 7946 0958": f"Tel.: {PHONE}",
    "fax (0761) 270-4711": f"fax {PHONE}",
    "phone no. 0761 2704711": f"phone no. {PHONE}",
}
NOT_MASKED = (
    "x@y, @decorator, a @ b, user@localhost, me@example.com, m@host.example",
    "icon@2x.png loaded; a@b.c",
    "version 101.102.103.104, v 101.2.3.104 and EC 3.4.21.115",
    "3.4.21.115 or 12.1.1.2 or 1.2.3.4",
    "10.0.0.1, 127.0.0.1, 192.168.100.100, 256.300.100.100, 101.102.103.104.105",
    "network 123.45.67.0/24 and 2601:406::/32",
    "a::b 12:30:45 2001:10:12 std::vector",
    "doi:10.1016/j.cell.2021.03.045 10.1038/s41586-020-2649-2",
    "ISBN 978-3-16-148410-0, 0-306-40615-2, ISSN 0028-0836",
    "2021-03-12, 12.03.2021, 2020-2021-2022, 1914-1918",
    "200-300 mg, 212-555 or 3.14159265358979, +1.4155550100, +12.5",
    "from -2147483648 to +2147483647, 2001:db00::0/ffff:ff00::",
    "1234567890, 12345678901234, NCT01234567, PMID: 33301246",
    "p = 0.001-0.0025, 95% CI 1.234-5.678-9.1234",
    "cell 12, phone 3, tel 2020, no. 123 456",
    "+37 \u00b0C +10 000 to +20 000",
    "chr7:117559590-117559600; rs113993960; 212-555-01234; 1212-555-0123; 5-212-555-0123",
    "123-456-7890 112.555.0123",
)


@pytest.mark.parametrize("text", MASKED)
def test_personal_data_is_masked_and_masking_again_changes_nothing(text):
    masked = changed(MaskPersonalData(), text)
    assert masked == MASKED[text]
    assert changed(MaskPersonalData(), masked) == masked


@pytest.mark.parametrize("text", NOT_MASKED)
def test_numbers_that_are_not_personal_stay(text):
    assert changed(MaskPersonalData(), text) == text


def test_each_kind_can_be_put_off():
    text = "jo@uni-x.edu 71.207.219.120 (908) 668-5252"
    assert changed(MaskPersonalData(email=False, ip=False, phone=False), text) == text
    assert changed(MaskPersonalData(ip=False, phone=False), text).startswith(f"{EMAIL} 71.")
    assert changed(MaskPersonalData(email=False, phone=False), text).startswith(
        f"jo@uni-x.edu {IPV4}"
    )
    assert changed(MaskPersonalData(email=False, ip=False), text).endswith(
        f"71.207.219.120 {PHONE}"
    )


pieces = st.lists(
    st.sampled_from(
        [*MASKED, *"0123456789", "+", "-", ".", " ", "(", ")", ":", "@", "a", "\u00e9", "\u4eba",
         "212", "555", "0123", "tel", "Fax", "phone number", "mobile nr", "2601", "c.de", "\n"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(pieces)
def test_a_text_that_is_not_marked_holds_nothing_to_mask(text):
    found = int(bits(mark_candidates, [text])[0])
    for bit, mask in ((1, mask_emails), (2, mask_ips), (4, mask_phones)):
        if not found & bit:
            assert mask(text) == text
