import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.recipe.syntheses import Corruption
from gapless.synthesis.corruption import Corrupted, Document, corrupt, undone
from gapless.synthesis.spoiling import WAYS

PROBLEM = "Momentum is the product of mass and velocity. A mass of 3.50 kg moves at 12 m/s."
SOLUTION = (
    "Step 1. The momentum is found from the velocity. Step 2. It is $3.50 \\times 12 = 42$. "
    "That is all. Momentum is conserved.\n\nAnswer: 42 kg m/s"
)


def document(name: str, problem: str, solution: str, form: str = "science_qa") -> Document:
    sections = {"problem": problem, "solution": solution}
    return Document(name, f"{problem}\n\n{solution}\n", form, sections)


DOCUMENTS = [
    document(f"d{number}", PROBLEM, SOLUTION.replace("42", str(42 + number)))
    for number in range(60)
]
TWO_WORDS = document(
    "words", "Which part holds the genes?", "It is in the cell.\nAnswer: the nucleus"
)
OTHER_WORDS = document("more", "What pumps the blood?", "It is in the chest.\nAnswer: the heart")


def spoiled(
    documents: list[Document], rate: float = 1, ways=tuple(WAYS), seed=1
) -> list[Corrupted]:
    found = list(corrupt(documents, Corruption(rate=rate, ways=ways), seed, "s"))
    assert [each.id for each in found] == [each.id for each in documents]
    for before, after in zip(documents, found, strict=True):
        assert undone(after.text, after.spans) == before.text
        assert (after.way is None) == (after.text == before.text) == (not after.spans)
        assert after.text == f"{chr(10) * 2}".join(after.sections.values()) + "\n"
    return found


def only(document: Document, way: str) -> Corrupted:
    (found,) = spoiled([document], ways=(way,))
    assert found.way == way
    return found


def test_numbers_keep_their_shape_and_steps_keep_theirs():
    shapes = set()
    for seed in range(20):
        for before, after in zip(
            DOCUMENTS, spoiled(DOCUMENTS, ways=("numbers",), seed=seed), strict=True
        ):
            assert 1 <= len(after.spans) <= 5
            for span in after.spans:
                now = after.text[span.begin : span.end]
                shapes.add(span.before)
                assert now != span.before
                assert re.sub(r"\d", "0", now) == re.sub(r"\d", "0", span.before)
                assert now[0] != "0"
            assert "Step 1." in after.text
            assert "Step 2." in after.text
            assert re.sub(r"\d", "", after.text) == re.sub(r"\d", "", before.text)
    assert shapes >= {"3.50", "12", "42"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1. First add 5.", {"5"}),
        ("H2O at 1,250.5 m", {"1,250.5"}),
        ("0.05 and 0", {"0.05", "0"}),
        ("x^2 and x_1 and v2.0", set()),
        ("2 apples", {"2"}),
        ("On 3.", {"3"}),
        ("\u7b2c1\u6b65\uff0c\u52a05\u7c73", {"5"}),
        ("Part 3 of 7", {"7"}),
    ],
)
def test_numbers_that_are_no_labels_are_changed(text, numbers):
    (found,) = corrupt([document("d", text, "So.")], Corruption(rate=1, ways=("numbers",)), 1, "s")
    assert {span.before for span in found.spans} == numbers
    assert found.can_change == bool(numbers)


def test_a_year_becomes_another_of_its_century():
    for number in range(20):
        after = only(document(f"y{number}", "It was built in 1994.", "So."), "numbers")
        assert re.search(r"built in 19\d\d\.", after.text)


def test_every_way_of_the_recipe_is_there():
    assert tuple(WAYS) == Corruption(rate=1).ways


def test_key_terms_change_places_everywhere_and_nothing_else_moves():
    seen = set()
    for number in range(30):
        made = document(f"t{number}", PROBLEM, SOLUTION)
        after = only(made, "key_terms")
        names = {span.before.casefold() for span in after.spans}
        assert len(names) == 2
        assert names <= {"momentum", "product", "velocity", "moves", "conserved"}
        seen |= names
        one, other = sorted(names)
        counts, now = (
            Counter(re.findall(r"[a-z]+", text.casefold())) for text in (made.text, after.text)
        )
        assert counts[one] == now[other]
        assert counts[other] == now[one]
        assert after.text[0].isupper()
        swapped = {one: other, other: one}
        expected = [swapped.get(word, word) for word in re.findall(r"[a-z]+", made.text.casefold())]
        assert re.findall(r"[a-z]+", after.text.casefold()) == expected
    assert len(seen) > 3


def test_key_terms_are_not_taken_from_formulas_and_code():
    latex = "$\\alpha velocity momentum$ and $$\\frac{energy}{charge}$$ `counter buffer`"
    code = replace(
        document("c", "Do it.", "def momentum(velocity): return momentum", "code_qa"),
        sections={"problem": "Do it.", "solution": "def momentum(velocity): return momentum"},
    )
    found = spoiled([document("f", latex, "It is so."), code], ways=("key_terms",))
    assert [each.can_change for each in found] == [False, False]


def test_chinese_terms_are_pairs_of_ideographs_that_stand_there_twice():
    text = (
        "\u52a8\u91cf\u7b49\u4e8e\u8d28\u91cf\u4e58\u4ee5\u901f\u5ea6\u3002"
        "\u901f\u5ea6\u589e\u5927\u65f6\u52a8\u91cf\u589e\u5927\u3002"
    )
    after = only(document("z", text, "\u5b8c\u3002"), "key_terms")
    pairs = Counter(span.before for span in after.spans)
    assert len(pairs) == 2
    assert set(pairs.values()) == {2}
    assert set(pairs) <= {"\u52a8\u91cf", "\u901f\u5ea6", "\u589e\u5927"}


def test_sentences_are_the_same_ones_in_another_order():
    def sentences(text):
        return re.split(r"(?<=[.])\s+|\n+", text.strip())

    for number in range(20):
        made = document(f"t{number}", "A short one.", SOLUTION)
        after = only(made, "sentences")
        assert after.sections["problem"] == "A short one."
        assert after.sections["solution"] != SOLUTION
        before, now = sorted(SOLUTION), sorted(after.sections["solution"])
        assert before == now
    two = document("two", "One. Two.", "It is. So it is.")
    same = document("same", "No. No. No. No.", "Yes.")
    assert [each.can_change for each in spoiled([two, same], ways=("sentences",))] == [False, False]
    assert sentences("A b. C d.") == ["A b.", "C d."]


def test_lines_of_code_are_not_shuffled():
    code = "def f():\n    return 1\n\ndef g():\n    return 2"
    made = document("c", "Write f.", code, "code_qa")
    assert [each.can_change for each in spoiled([made], ways=("sentences",))] == [False]
    assert [each.can_change for each in spoiled([made], ways=("numbers",))] == [True]


def test_a_number_or_letter_that_is_the_answer_becomes_another():
    after = only(DOCUMENTS[0], "wrong_answer")
    (span,) = after.spans
    assert span.before == "42"
    assert re.fullmatch(r"[1-9]\d", after.text[span.begin : span.end])
    named = only(document("n", "Which?", "It is so.\n\\boxed{x_1 = 12}"), "wrong_answer")
    assert named.spans[0].before == "12"
    choice = only(document("c", "Which?", "It is so.\nAnswer: (B)"), "wrong_answer")
    assert choice.spans[0].before == "B"
    assert choice.text[choice.spans[0].begin] in "ACD"


def test_an_answer_in_words_becomes_that_of_the_document_before():
    found = spoiled(
        [TWO_WORDS, OTHER_WORDS, replace(OTHER_WORDS, id="again")], ways=("wrong_answer",)
    )
    assert [each.can_change for each in found] == [False, True, True]
    assert found[1].sections["solution"].endswith("Answer: the nucleus")
    assert found[2].sections["solution"].endswith("Answer: the nucleus")


def test_the_rate_is_exact_and_a_higher_one_spoils_the_same_and_more():
    before: dict[str, str] = {}
    for rate in (0.0, 0.1, 0.25, 0.5, 0.7, 1.0):
        found = {each.id: each.text for each in spoiled(DOCUMENTS, rate) if each.way}
        assert len(found) == round(rate * len(DOCUMENTS))
        assert before.items() <= found.items()
        before = found
    ways = Counter(each.way for each in spoiled(DOCUMENTS))
    assert set(ways) == set(WAYS)


def test_documents_that_nothing_can_change_are_told_and_others_take_their_place():
    plain = [document(f"p{number}", "So be it.", "Yes.") for number in range(10)]
    found = spoiled([*plain, *DOCUMENTS[:10]], 0.5)
    assert sum(each.way is not None for each in found) == 10
    assert [each.can_change for each in found] == [False] * 10 + [True] * 10
    assert all(each.way is None for each in found[:10])


def test_what_is_drawn_hangs_on_seed_name_and_document_alone():
    found = spoiled(DOCUMENTS, 0.5)
    assert found == spoiled(DOCUMENTS, 0.5)
    assert found != spoiled(DOCUMENTS, 0.5, seed=2)
    turned = spoiled(DOCUMENTS[::-1], 0.5, ways=("numbers", "sentences"))[::-1]
    assert turned == spoiled(DOCUMENTS, 0.5, ways=("numbers", "sentences"))


def test_documents_must_start_anew_for_the_second_reading():
    with pytest.raises(AssertionError):
        next(corrupt(iter(DOCUMENTS), Corruption(rate=1), 1, "s"))


pieces = st.text(
    "ab Momentum velocity 0123456789.,?! \n$\\{}Answer: \u52a8\u91cf\u901f\u5ea6\u3002", max_size=60
)


@given(st.lists(st.tuples(pieces, pieces), max_size=5), st.sampled_from([0.3, 0.7, 1.0]))
def test_undoing_the_spans_gives_the_text_back(drawn, rate):
    documents = [document(f"d{place}", one, other) for place, (one, other) in enumerate(drawn)]
    found = list(corrupt(documents, Corruption(rate=rate), 3, "s"))
    for before, after in zip(documents, found, strict=True):
        assert undone(after.text, after.spans) == before.text
        assert (after.way is None) == (after.text == before.text)
        ends = [0, *(span.end for span in after.spans)]
        assert all(span.begin >= end for span, end in zip(after.spans, ends, strict=False))
