import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.evaluation.held_out import (
    build_bits_per_byte_items,
    build_perplexity_items,
    cut_to_bytes,
)
from gapless.recipe.probes import BitsPerByte, Perplexity

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


LABELS = ["a", "b/c", None, "a"] * 5


def by_label(labels=LABELS, *, texts=TEXTS, works=WORKS, known=("a", "b/c"), seed=0, **probe):
    return build_perplexity_items(
        works,
        texts,
        labels,
        known=known,
        probe=Perplexity(by="topic", **probe),
        source="law",
        seed=seed,
    )


def test_each_labels_documents_are_measured_by_themselves():
    items = by_label()
    assert list(items) == ["law/a", "law/b/c", "law/unlabelled"]
    wanted = {"law/a": "a", "law/b/c": "b/c", "law/unlabelled": None}
    for name, label in wanted.items():
        own = [text for text, each in zip(TEXTS, LABELS, strict=True) if each == label]
        assert sorted(items[name]) == own
        assert len(own) >= 5


def test_a_label_is_measured_to_its_own_budget_works_in_turn():
    items = by_label(bytes_per_label=41, works=["large"] * 19 + ["other"])
    assert [len(own) for own in items.values()] == [3, 3, 3]
    assert TEXTS[19] in items["law/a"][:2]
    assert by_label(max_document_bytes=8)["law/a"][0] == "document"


def test_the_choice_for_a_label_does_not_depend_on_other_labels():
    others = ["z" if label is None else label for label in LABELS]
    assert by_label()["law/a"] == by_label(others, known=("a", "b/c", "z"))["law/a"]
    assert by_label()["law/a"] != by_label(seed=1)["law/a"]


def test_without_labels_a_source_is_measured_whole():
    items = by_label(None, known=())
    assert list(items) == ["law/all"]
    assert sorted(items["law/all"]) == TEXTS


def test_labels_that_nothing_held_out_has_are_named_with_the_mend():
    known = ["a", "b/c", *"defghi"]
    with pytest.raises(DataError) as caught:
        by_label(known=known)
    assert caught.value.what == (
        "no document with the label 'd', 'e', 'f', 'g', 'h' and 1 more of 'topic' is held out"
    )
    assert caught.value.where == "sources.law"
    assert "sources.law.held_out" in caught.value.mend
    assert "scores.topic.sources" in caught.value.mend


def test_a_label_called_as_documents_without_one_is_an_error():
    with pytest.raises(DataError, match="'unlabelled' is a label"):
        by_label(known=("a", "b/c", "unlabelled"))


def test_nothing_held_out_is_an_error_by_label_too():
    with pytest.raises(DataError, match="no document is held out"):
        by_label([], texts=[], works=[])
