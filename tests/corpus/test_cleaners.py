"""What holds for every named cleaner."""

from typing import get_args

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.corpus.cleaners import build_cleaner
from gapless.corpus.cleaners.table import BUILDERS
from gapless.recipe import cleanings
from gapless.recipe.cleanings import (
    C4,
    Boilerplate,
    FineWeb,
    GopherQuality,
    GopherRepetition,
    LanguageIs,
    MaskPersonalData,
    Unicode,
)

SPECS = (
    Unicode(),
    Boilerplate(),
    GopherQuality(min_words=3),
    GopherRepetition(),
    C4(min_sentences=1, min_words_per_line=3),
    FineWeb(),
    LanguageIs(keep=("en",), min_confidence=0.2),
    MaskPersonalData(),
)
ODD = (
    "",
    " ",
    "\n",
    "\n\n\n",
    "x",
    "no line feed at the end",
    "\n\nfirst\n\n\nsecond\n",
    "\u4eba\u53c2\u662f\u4e00\u79cd\u836f\u3002\n\u4eba\u53c2\u662f\u4e00\u79cd\u836f\u3002",
    "\u30ab\u30d0 \U0001f600\U0001f600 \u0627\u0644\u0639",
    "word " * 20_000,
    "x" * 100_000,
    "\u00c3\u00a9 \u00a9 | \u00bb | \u00bb\r\n\x00\ufeffe\u0301",
    "a@b.org 8.8.8.8 +44 20 7946 0958",
    "Sign in\n3 likes\nWe use cookies.",
    "...\n\u2026\n- \u2022\n{ lorem ipsum }",
)


def array(*texts):
    return pa.array(texts, pa.large_string())


def answers(spec, *texts):
    """Return (text, reason) of each document."""
    answer = build_cleaner(spec)(array(*texts))
    assert isinstance(answer.texts, pa.LargeStringArray)
    answer.texts.validate(full=True)
    reasons = [None] * len(texts) if answer.reasons is None else answer.reasons.to_pylist()
    return list(zip(answer.texts.to_pylist(), reasons, strict=True))


def test_every_spec_of_a_recipe_has_its_builder():
    union = get_args(cleanings.Cleaner)[0]
    assert set(get_args(union)) == set(BUILDERS) == {type(spec) for spec in SPECS}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_odd_texts_are_answered_one_by_one_as_in_company(spec):
    together = answers(spec, *ODD)
    assert together == [answers(spec, text)[0] for text in ODD]
    assert together == answers(spec, *reversed(ODD))[::-1]
    for text, (cleaned, reason) in zip(ODD, together, strict=True):
        if reason is not None:
            assert cleaned == text
            assert reason.startswith(f"{spec.type}:")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_a_slice_of_an_array_is_answered_like_its_texts(spec):
    clean = build_cleaner(spec)
    part = clean(array(*ODD)[3:9])
    alone = clean(array(*ODD[3:9]))
    assert part.texts.equals(alone.texts)
    assert part.reasons == alone.reasons


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_no_texts_are_no_answers(spec):
    answer = build_cleaner(spec)(array())
    assert len(answer.texts) == 0
    assert answer.reasons is None


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.type)
def test_when_all_stay_there_are_no_reasons(spec):
    prose = (
        "The patient was seen by the doctor on Monday and sent home with a letter. It had been a "
        "long night for the family, who had come to the hospital from far away. That morning the "
        "fever fell. Nobody knew why, but all of them were glad to hear it. They took the train to "
        "the coast in the afternoon and slept."
    )
    assert answers(spec, prose) == [(prose, None)]
    assert build_cleaner(spec)(array(prose)).reasons is None


lines = st.lists(
    st.one_of(
        st.text(st.sampled_from("ab .\u2026\"'!?{[1]\u00c3\u00a9\u4eba\t\r"), max_size=12),
        st.sampled_from(["Sign in", "3 likes", "The cat sat.", "a@b.org", "use cookies", "[edit]"]),
    ),
    max_size=6,
).map("\n".join)


@pytest.mark.parametrize("spec", SPECS[:-2] + SPECS[-1:], ids=lambda spec: spec.type)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(lines, min_size=1, max_size=4))
def test_company_changes_no_answer(spec, texts):
    assert answers(spec, *texts) == [answers(spec, text)[0] for text in texts]
