"""Answers in many styles to their sections, and sections to documents."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.sections import as_messages, as_text, program, read_sections

QA = ("problem", "solution")
CODE = ("problem", "solution", "tests")
PAIRS = tuple(f"{name} {number}" for number in (1, 2, 3) for name in ("question", "answer"))
CHINESE = {"problem": "\u9898\u76ee", "solution": "\u89e3\u7b54", "tests": "\u6d4b\u8bd5"}
SEED = Seed("web", "d", 0, 1, "x", "physics", "en")

Style = Callable[[dict[str, str]], str]


def lines(mark: Callable[[str], str]) -> Style:
    """Write each section under, or behind, its mark."""
    return lambda sections: "\n\n".join(mark(name) + text for name, text in sections.items())


STYLES: dict[str, Style] = {
    "brackets": lines(lambda name: f"[{name.title()}]\n"),
    "brackets and text on one line": lines(lambda name: f"[{name.title()}] "),
    "brackets in bold": lines(lambda name: f"**[{name.title()}]**\n"),
    "bold, colon inside": lines(lambda name: f"**{name.title()}:** "),
    "bold, colon outside": lines(lambda name: f"**{name.title()}**: "),
    "heading": lines(lambda name: f"## {name.title()}\n"),
    "heading with a colon": lines(lambda name: f"### {name.title()}:\n\n"),
    "colon": lines(lambda name: f"{name.title()}: "),
    "capitals": lines(lambda name: f"{name.upper()}:\n"),
    "alone on its line": lines(lambda name: f"{name.title()}\n"),
    "numbered": lines(lambda name: f"{QA.index(name) + 1}. **{name.title()}**\n"),
    "tags": lambda sections: "\n".join(f"<{n}>\n{t}\n</{n}>" for n, t in sections.items()),
    "closed brackets": lambda sections: "".join(
        f"[{n}]\n{t}\n[/{n}]\n" for n, t in sections.items()
    ),
    "full-width brackets": lines(lambda name: f"\u3010{CHINESE[name]}\u3011\n"),
    "full-width colon": lines(lambda name: f"{CHINESE[name]}\uff1a"),
    "json": json.dumps,
    "json in a fence": lambda sections: f"```json\n{json.dumps(sections, indent=2)}\n```",
    "json amid talk": lambda s: f"Here {{it}} is: {json.dumps(s)}\nI hope [this] helps!",
    "all in one fence": lambda s: f"```\n{lines(lambda n: f'[{n}]' + chr(10))(s)}\n```",
}

LINE = st.text(alphabet="abc dxyz 0123.,;=+$\\{}()^_", min_size=1, max_size=30).map(
    lambda line: f"w{line.strip()}"
)
FENCED = st.sampled_from(["```python\n# Tests:\nx = 1\n```", "```\n[Solution]\n```"])
BODY = st.lists(st.one_of(LINE, LINE, FENCED), min_size=1, max_size=5).map("\n".join)


@pytest.mark.parametrize("style", STYLES)
@given(problem=BODY, solution=BODY)
def test_what_is_written_in_a_style_is_read_back(style: str, problem: str, solution: str) -> None:
    written = {"problem": f"P\n{problem}", "solution": f"S\n{solution}"}
    if style == "all in one fence" and "```" in problem + solution:
        return
    assert read_sections(STYLES[style](written), QA) == written


@given(BODY, BODY)
def test_talk_around_the_sections_is_dropped(problem: str, solution: str) -> None:
    text = (
        f"Sure! Here is a problem for you.\n\n[Problem]\nP\n{problem}\n\n[Solution]\nS\n{solution}"
    )
    text += "\n\n---\n\nI hope this helps! Let me know if you have questions."
    assert read_sections(text, QA) == {"problem": f"P\n{problem}", "solution": f"S\n{solution}"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no sections"),
        ("There is a problem with that, and no solution.", "no sections"),
        ("[Problem]\nHow far?", "missing section: solution"),
        ("[Solution]\nFar.", "missing section: problem"),
        ("[Problem]\nHow far?\n[Solution]\n", "empty section: solution"),
        ("[Problem]\n[Solution]\nFar.", "empty section: problem"),
        ('{"problem": "How far?", "solution": "As f', "missing section: solution"),
        ('{"problem": "How f', "no sections"),
        ('{"problem": "How far?", "solution": ""}', "empty section: solution"),
        ('{"problem": "How far?"}', "missing section: solution"),
        ('```json\n{"problem": "How far?", "solut', "missing section: solution"),
    ],
)
def test_what_is_not_there_is_named(text: str, told: str) -> None:
    assert read_sections(text, QA) == told


def test_a_word_of_the_text_is_no_mark() -> None:
    text = "Problem: A test of problem solving.\nThe solution is salty.\nSolution: Yes.\nAnswer: 4"
    assert read_sections(text, QA) == {
        "problem": "A test of problem solving.\nThe solution is salty.",
        "solution": "Yes.\nAnswer: 4",
    }


def test_the_first_whole_round_counts() -> None:
    outline = "[Problem]\n\n[Solution]\n\n"
    first = "[Problem]\none\n[Solution]\ntwo\n"
    assert read_sections(f"{outline}{first}", QA) == {"problem": "one", "solution": "two"}
    again = "Problem 2: three\nSolution 2: four"
    assert read_sections(f"{first}{again}", QA) == {"problem": "one", "solution": "two"}
    cut = "[Problem]\none\n[Tests]\nx\n[Problem]\n1\n[Solution]\n2\n[Tests]\n3"
    assert read_sections(cut, CODE) == {"problem": "1", "solution": "2", "tests": "3"}


def test_a_mark_that_comes_twice_is_one() -> None:
    text = "# Problem\n\n**Problem:** one\n\n# Solution\n[Solution]\ntwo\n**Solution:** three"
    assert read_sections(text, QA) == {
        "problem": "one",
        "solution": "two\n**Solution:** three",
    }


def test_a_fence_left_open_hides_no_mark() -> None:
    text = "[Problem]\np\n[Solution]\n```python\nx = 1\n\n[Tests]\n```python\nassert x\n```"
    read = read_sections(text, CODE)
    assert isinstance(read, dict)
    assert [program(read[name]) for name in ("solution", "tests")] == ["x = 1", "assert x"]


def test_marks_within_a_line_are_seen_when_there_are_no_others() -> None:
    read = read_sections("Here: [Problem] one [Solution] two", QA)
    assert read == {"problem": "one", "solution": "two"}


@pytest.mark.parametrize(
    "text",
    [
        "Question 1: a?\nAnswer 1: b\n\nQuestion 2: c?\nAnswer 2: d",
        "Question: a?\nAnswer: b\nQuestion: c?\nAnswer: d",
        "Q: a?\nA: b\n\nQ: c?\nA: d",
        "**Q1:** a?\n**A1:** b\n**Q2:** c?\n**A2:** d",
        "1. Question: a?\n   Answer: b\n2. Question: c?\n   Answer: d",
        "Question 1: a?\nQuestion 2: c?\nAnswer 1: b\nAnswer 2: d",
        "\u95ee\u98981\uff1aa?\n\u56de\u7b541\uff1ab\n\n\u95ee\u98982\uff1ac?\n\u56de\u7b542\uff1ad",
        '[{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]',
        '{"pairs": [{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]}',
        '{"question 1": "a?", "answer 1": "b", "question 2": "c?", "answer 2": "d"}',
        '{"question_1": "a?", "answer_1": "b", "Question2": "c?", "Answer2": "d"}',
    ],
)
def test_pairs_are_read_by_number_or_in_order(text: str) -> None:
    read = read_sections(text, PAIRS[:2], PAIRS[2:])
    assert read == {"question 1": "a?", "answer 1": "b", "question 2": "c?", "answer 2": "d"}
    assert list(read) == list(PAIRS[:4])


def test_latex_that_json_has_eaten_comes_back() -> None:
    text = r'{"problem": "\frac{1}{2} \times \alpha", "solution": "\\beta = \theta\nso \neq 0"}'
    assert read_sections(text, QA) == {
        "problem": r"\frac{1}{2} \times \alpha",
        "solution": "\\beta = \\theta\nso \\neq 0",
    }


def test_a_mark_within_json_is_dropped() -> None:
    text = json.dumps(
        {"problem": "[Problem]\nHow far?", "solution": "**Solution:** Far. Solution: x"}
    )
    assert read_sections(text, QA) == {"problem": "How far?", "solution": "Far. Solution: x"}


def test_a_section_alone_needs_no_mark() -> None:
    assert read_sections("Sure, here it is:\n\nWater is wet.", ("text",)) == {
        "text": "Water is wet."
    }
    assert read_sections('{"text": "Water is wet."}', ("text",)) == {"text": "Water is wet."}
    assert read_sections("```\nWater is wet.\n```", ("text",)) == {"text": "Water is wet."}
    assert read_sections(" \n", ("text",)) == "empty section: text"


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("x = 1\n", "x = 1"),
        ("```python\nx = 1\n```", "x = 1"),
        ("Here:\n```py\nx = 1\n```\nIt prints\n```text\n1\n```\n", "x = 1"),
        ("```\nx = 1\n```\nand\n```python\ny = 2\n```", "x = 1\n\n\ny = 2"),
        ("```python\nif x:\n    y", "if x:\n    y"),
        ("```python\n```", ""),
        ("    indented", "    indented"),
    ],
)
def test_a_program_is_what_its_fences_hold(section: str, code: str) -> None:
    assert program(section) == code


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    read = read_sections(text, QA)
    if isinstance(read, str):
        assert read == "no sections" or read.split(": ")[1] in QA
    else:
        assert list(read) == list(QA)
        assert all(part == part.strip() != "" for part in read.values())


def draft(form: str, sections: dict[str, str], language: str = "en") -> Draft:
    return Draft("key", form, "", language, sections, (SEED,))


def test_documents_are_plain_text() -> None:
    assert as_text(draft("science_qa", {"problem": "a?", "solution": "b"})) == "a?\n\nb"
    coded = draft("code_qa", {"problem": "a", "solution": "x = 1", "tests": "assert x"})
    assert as_text(coded) == "a\n\n```python\nx = 1\n```"
    pairs = {"question 1": "a?", "answer 1": "b", "question 2": "c?", "answer 2": "d"}
    assert as_text(draft("rephrase_qa", pairs)) == (
        "Question: a?\nAnswer: b\n\nQuestion: c?\nAnswer: d"
    )
    chinese = "\u95ee\uff1aa?\n\u7b54\uff1ab\n\n\u95ee\uff1ac?\n\u7b54\uff1ad"
    assert as_text(draft("rephrase_qa", pairs, "zh")) == chinese
    spoken = {"student 1": "a?", "teacher 1": "b"}
    assert as_text(draft("rephrase_dialogue", spoken)) == "Student: a?\n\nTeacher: b"
    told = {"instruction 1": "a", "response 1": "b", "instruction 2": "c", "response 2": "d"}
    assert as_text(draft("instructions", told)) == "a\n\nb\n\nc\n\nd"
    assert as_text(draft("rephrase_textbook", {"text": "a\n\nb"})) == "a\n\nb"


def test_conversations_have_every_turn() -> None:
    pairs = {"student 1": "a?", "teacher 1": "b", "student 2": "c?", "teacher 2": "d"}
    assert as_messages(draft("rephrase_dialogue", pairs)) == [
        {"role": "user", "content": "a?"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c?"},
        {"role": "assistant", "content": "d"},
    ]
    coded = draft("code_qa", {"problem": "a", "solution": "x = 1", "tests": "assert x"})
    assert as_messages(coded) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "```python\nx = 1\n```"},
    ]
    assert as_messages(draft("rephrase_textbook", {"text": "a"})) == []
