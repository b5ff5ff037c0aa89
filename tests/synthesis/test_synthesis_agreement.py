from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gapless.endpoints.request import Answer, Sampling
from gapless.synthesis.agreement import DISAGREE, checkable_answer, compared, solving
from gapless.synthesis.draft import Draft
from gapless.synthesis.measures import read_unit
from gapless.synthesis.quantities import agrees, choice_of, quantity_of

ALIKE = [
    ("5", "5.0"),
    ("1,234", "1234"),
    ("$1{,}000$", "1000"),
    ("50%", "0.5"),
    ("50%", "50"),
    ("25 percent", "0.25"),
    ("1/2", "0.5"),
    ("1\u00bd", "1.5"),
    ("1 1/2", "1.5"),
    (r"\frac{1}{2}", "0.5"),
    (r"-\frac{3}{4}", "-0.75"),
    ("-3/4", "\u22120.75"),
    (r"$3.0 \times 10^{8}$ m/s", "3e8 m/s"),
    ("3.0\u00d710\u2078 m/s", "300000000"),
    ("6.022 x 10^23", "6.022e23"),
    ("10^{-5}", "1e-5"),
    ("x = 5", "5"),
    (r"v \approx 3.2 m/s", "3.2 m s^{-1}"),
    ("about 12", "12"),
    ("\u7ea6 3.2 \u7c73", "3.2m"),
    ("18 km/h", "5 m/s"),
    ("5 meters per second", "5 m/s"),
    (r"9.8\ \mathrm{m/s^2}", "9.8 m/s\u00b2"),
    (r"5\,\text{kg}", "5000 g"),
    ("\uff15\u7c73", "5 m"),
    ("3.5 \u5343\u514b", "3500 g"),
    ("3\u4e2a", "3"),
    ("100 J/(mol K)", "0.1 kJ/mol/K"),
    ("-5 \u00b0C", "\u22125 \u2103"),
    ("90\u00b0", r"90^\circ"),
    ("12 apples", "12"),
    ("B", "(b)"),
    ("Option C", "C."),
    ("\u9009\u9879B", "B"),
    ("B) 12 m", "12 m"),
    ("B. Mitochondria", "b) the mitochondria"),
    ("The mitochondria", "mitochondria."),
    ("x = 2, y = 3", "y = 3, x = 2"),
    ("x = 2 or x = 3", "3 and 2"),
    ("(2, 3)", "(x, y) = (2, 3)"),
    ("2x + 1", "y = 2x + 1"),
    ("Na+", "na+"),
    (r"\boxed{7}", "7"),
]
UNLIKE = [
    ("5", "6"),
    ("1", "1.00001"),
    ("3.33", "3.333"),
    ("5", "-5"),
    ("1/0", "1"),
    ("5 m", "5 s"),
    ("5 km", "5 m"),
    ("3x", "3"),
    ("3x", "3y"),
    ("12 apples", "12 oranges"),
    ("2x + 1", "2"),
    ("2x+1", "2x-1"),
    ("5", "5, 6"),
    ("x = 2, y = 3", "x = 3, y = 2"),
    ("(2, 3)", "(3, 2)"),
    ("B", "C"),
    ("B", "12"),
    ("E. coli", "E. faecalis"),
    ("proton", "neutron"),
    ("\u6c27", "\u6c22"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_answers_agree_however_they_are_written(one, other):
    assert agrees(one, other)
    assert agrees(other, one)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_other_answers_do_not_agree(one, other):
    assert not agrees(one, other)
    assert not agrees(other, one)


numbers = st.floats(1e-9, 1e12).map(lambda value: float(f"{value:.6g}"))


def ways(value: float) -> list[str]:
    mantissa, power = f"{value:.12e}".split("e")
    return [
        repr(value),
        f"{value:.12e}",
        f"{mantissa} \\times 10^{{{int(power)}}}",
        f"${mantissa}\\cdot 10^{int(power)}$",
        f"x = {value!r}",
        f"**{value!r}**",
        f"{value!r} kg",
        f"\\frac{{{mantissa}}}{{4}} \\times 10^{{{int(power)}}}",
    ]


@given(numbers, st.integers(0, 6), st.integers(0, 6))
def test_a_number_agrees_with_itself_in_every_notation(value, one, other):
    assert agrees(ways(value)[one], ways(value)[other])
    assert not agrees(ways(value)[one], ways(value)[7])


@given(numbers, numbers, st.integers(0, 6), st.integers(0, 6))
def test_numbers_that_differ_by_more_than_a_millionth_disagree(one, other, way, another):
    assume(abs(one - other) > 2e-6 * max(one, other))
    assert not agrees(ways(one)[way], ways(other)[another])


@given(st.integers(-(10**9), 10**9))
def test_separators_of_thousands_do_not_matter(number):
    assert agrees(f"{number:,}", str(number))


@given(st.text(max_size=20), st.text(max_size=20))
def test_agreement_never_fails_and_knows_itself(one, other):
    assert agrees(one, one)
    assert agrees(one, other) == agrees(other, one)


def test_answers_without_end_are_compared_as_they_stand():
    assert agrees("A) " * 2000, "A) " * 2000)
    assert not agrees("A) " * 2000, "A) " * 2001)


@given(st.text("0123456789.,/^{}\\frac \u00b2=+-eE%()ABx", max_size=16))
def test_reading_quantities_never_fails(text):
    quantity_of(text)
    choice_of(text)


def test_units_are_read_to_base_units():
    assert read_unit("N m") == read_unit("kg m^2/s^2") == read_unit("J")
    assert read_unit("mm")[0] == pytest.approx(1e-3)
    assert read_unit("min") == (60.0, (("s", 1),))
    assert read_unit("m m^-1") == (1.0, ())
    assert read_unit("furlong") is None
    assert read_unit("m/s to the east") is None


def draft(solution: str, form: str = "science_qa", language: str = "en") -> Draft:
    sections = {"problem": "What is {{ 1 + 1 }}?", "solution": solution}
    return Draft("k", form, "physics", language, sections, ())


@pytest.mark.parametrize("solution", ["Answer: 5 m", "\\boxed{B}", "Answer: the nucleus"])
def test_short_answers_numbers_and_choices_can_be_compared(solution):
    assert checkable_answer(draft(solution)) is not None


@pytest.mark.parametrize(
    "solution",
    ["No answer.", "Answer: it depends on how the cell divides and on the food that it finds"],
)
def test_no_request_is_made_where_nothing_could_be_compared(solution):
    told = {"model": "m", "sampling": Sampling(), "seed": 1, "name": "s"}
    assert solving(draft(solution), **told) is None
    assert solving(draft("Answer: 5", "rephrase_textbook"), **told) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_second_solution_sees_the_problem_alone_and_has_another_seed(language):
    first = draft("Secret steps.\nAnswer: 5", language=language)
    told = {"model": "m", "sampling": Sampling(temperature=0.3, seed=7), "seed": 1, "name": "s"}
    request = solving(first, **told)
    ((role, prompt),) = request.messages
    assert role == "user"
    assert "What is {{ 1 + 1 }}?" in prompt
    assert "Secret" not in prompt
    assert request.sampling.temperature == 0.3
    assert request.sampling.seed != 7
    assert solving(first, **told) == request
    assert solving(replace(first, key="other"), **told).sampling.seed != request.sampling.seed


def answer(text: str, finish: str = "stop") -> Answer:
    return Answer("k", text, finish, "m", 1, 1)


def test_two_solutions_are_compared_by_their_final_answers():
    first = draft("Steps.\nAnswer: 5 m")
    assert compared(first, answer("Other steps.\n\\boxed{5}")) is None
    assert compared(first, answer("Answer: 6 m")) == (DISAGREE, "5 m | 6 m")
    assert compared(first, answer("No idea.")) == (DISAGREE, "the second has no final answer")
    assert compared(first, answer("", "refused")) == (DISAGREE, "no second solution was given")
