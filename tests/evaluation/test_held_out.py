import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.evaluation.held_out import build_bits_per_byte_items, cut_to_bytes
from gapless.recipe.probes import BitsPerByte

TEXTS = [f"document {number:02d} " + "x" * 8 for number in range(20)]  # 20 bytes each
WORKS = [f"work-{number}" for number in range(20)]


def build(texts=TEXTS, works=WORKS, *, source="law", seed=0, **probe):
    return build_bits_per_byte_items(
        works, texts, probe=BitsPerByte(**probe), source=source, seed=seed
    )


def test_documents_come_until_the_budget_is_reached():
    assert len(build(bytes_per_source=100)) == 5
    assert len(build(bytes_per_source=101)) == 6


def test_all_documents_come_when_the_budget_is_larger():
    assert sorted(build()) == TEXTS


def test_the_choice_is_random_deterministic_and_the_sources_own():
    chosen = build(bytes_per_source=200)
    assert chosen == build(bytes_per_source=200)
    assert chosen != sorted(chosen)
    assert chosen != build(bytes_per_source=200, source="medicine")
    assert chosen != build(bytes_per_source=200, seed=1)


def test_a_smaller_budget_is_the_beginning_of_a_larger():
    assert build(bytes_per_source=60) == build(bytes_per_source=200)[:3]


def test_works_take_turns():
    works = ["large"] * 18 + ["small", "other"]
    first_three = {works[TEXTS.index(text)] for text in build(works=works, bytes_per_source=60)}
    assert first_three == {"large", "small", "other"}


def test_a_long_document_is_cut_at_a_characters_border():
    assert build(["ééé"], ["w"], max_document_bytes=5) == ["éé"]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 40))
def test_cutting_keeps_the_longest_beginning_that_fits(text, max_bytes):
    cut = cut_to_bytes(text, max_bytes)
    assert text.startswith(cut)
    assert len(cut.encode()) <= max_bytes
    if cut != text:
        assert len(text[: len(cut) + 1].encode()) > max_bytes


def test_a_source_without_held_out_documents_is_an_error_with_the_mend():
    with pytest.raises(DataError) as caught:
        build([], [])
    assert caught.value.where == "sources.law"
    assert "sources.law.held_out" in caught.value.mend
