from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.recipe.syntheses import Checks
from gapless.synthesis.checks import REASONS, check, split_reason
from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.evidence import repeated_shares
from gapless.synthesis.final_answers import final_answer, final_answer_span
from gapless.synthesis.prompting import render_prompt
from gapless.words import split_words

PROBLEM = (
    "A cyclist rides along a straight road at a steady speed of 18 km/h and passes a school. How "
    "far does she travel in the first twenty minutes after passing it, and what is her speed in "
    "metres per second?"
)
SOLUTION = (
    "First convert the speed. One kilometre is 1000 metres and one hour is 3600 seconds, so the "
    "speed is $18 \\times 1000 / 3600 = 5$ metres per second. Twenty minutes are 1200 seconds. The "
    "distance is the product of speed and time:\n\n\\[ d = v t = 5 \\cdot 1200 = 6000 \\text{ m} "
    "\\]\n\n"
    "Hence she covers six kilometres while riding at a constant pace.\n\nAnswer: 6 km"
)
PROBLEM_ZH = (
    "\u4e00\u8f86\u6c7d\u8f66\u4ee5\u6bcf\u5c0f\u65f6\u4e03\u5341\u4e8c\u516c\u91cc\u7684\u901f\u5ea6"
    "\u5728\u5e73\u76f4\u7684\u516c\u8def\u4e0a\u884c\u9a76\uff0c\u6c42\u5b83\u5728\u5341\u79d2\u949f"
    "\u5185\u901a\u8fc7\u7684\u8ddd\u79bb\u3002"
)
SOLUTION_ZH = (
    "\u5148\u628a\u901f\u5ea6\u6362\u7b97\u6210\u6bcf\u79d2\u4e8c\u5341\u7c73\uff0c\u518d\u7528\u901f"
    "\u5ea6\u4e58\u4ee5\u65f6\u95f4\uff0c\u5c31\u5f97\u5230\u8def\u7a0b $s = vt = 200$ m\u3002\n\n"
    "\u7b54\u6848\uff1a200 m"
)
FRENCH = (
    "La vitesse est constante pendant tout le trajet, donc la distance parcourue est le produit de "
    "la vitesse et du temps. On convertit d'abord les minutes en secondes, puis on multiplie les "
    "deux valeurs pour obtenir la distance totale.\n\nAnswer: 6 km"
)
JAPANESE = (
    "\u901f\u5ea6\u306f\u4e00\u5b9a\u3067\u3042\u308b\u304b\u3089\u3001\u8ddd\u96e2\u306f"
    "\u901f\u5ea6\u3068\u6642\u9593\u306e\u7a4d\u306b\u306a\u308a\u307e\u3059\u3002"
    "\n\nAnswer: 6"
)
SEED = Seed(
    "web", "a", 0, 9, "Cycling is a healthy way to go to school and to work.", "physics", "en"
)
GOOD = Draft(
    "k", "science_qa", "physics", "en", {"problem": PROBLEM, "solution": SOLUTION}, (SEED,)
)
CHINESE = replace(
    GOOD, language="zh", sections={"problem": PROBLEM_ZH, "solution": SOLUTION_ZH}, seeds=()
)
CODE = Draft(
    "c",
    "code_qa",
    "",
    "en",
    {
        "problem": "Write a function that counts the vowels of the given text.",
        "solution": "def count(text):\n    return sum(letter in 'aeiou' for letter in text)",
        "tests": "assert count('a') == 1\nassert count('b') == 0\nassert count('e') == 1",
    },
    (),
)


def reason(draft: Draft, finish="stop", items=(), **spec) -> str | None:
    (found,) = check([(draft, finish)], Checks(**spec), items)
    assert found.draft is draft
    assert found.reason is None or found.reason in REASONS
    return found.reason


def solved(text: str, draft: Draft = GOOD) -> Draft:
    return replace(draft, sections={**draft.sections, "solution": text})


def asked(text: str, draft: Draft = GOOD) -> Draft:
    return replace(draft, sections={**draft.sections, "problem": text})


@pytest.mark.parametrize("draft", [GOOD, CHINESE, CODE])
def test_good_drafts_pass(draft):
    assert reason(draft) is None


def test_answers_that_are_refused_cut_or_empty_go_first():
    assert reason(GOOD, "refused") == "refused by the server"
    assert reason(solved(SOLUTION * 30), "length") == "cut off"
    assert reason(solved("  \n")) == "empty section"
    assert reason(replace(GOOD, sections={})) == "empty section"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot create a problem about this topic.",
        "As an AI language model, I do not have opinions.",
        "**Unfortunately, I am unable to solve it.**",
        "\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u56de\u7b54\u8fd9\u4e2a\u95ee\u9898\u3002",
        "\u4f5c\u4e3a\u4e00\u4e2a\u4eba\u5de5\u667a\u80fd\u52a9\u624b\uff0c\u6211\u4e0d\u80fd\u63d0\u4f9b\u3002",
    ],
)
def test_refusals_are_found_at_the_start_of_a_section_and_anywhere_in_a_short_draft(text):
    assert reason(solved(text)) == "refusal"
    short = replace(GOOD, sections={"problem": "Well.", "solution": f"Hm. {text}"})
    assert reason(short) == "refusal"


def test_a_role_in_a_problem_is_no_refusal():
    assert reason(asked("As an AI engineer you train a model for three hours. How long?")) is None


def test_words_of_refusal_within_a_long_text_are_no_refusal():
    story = SOLUTION.replace("Hence", 'A rider may say "I cannot do it". Hence')
    assert reason(solved(story)) is None


@pytest.mark.parametrize(
    "bad",
    [
        "caf\ufffd",
        "a \x07 bell",
        "a \ue000 private sign",
        "<|im_end|>",
        "[/INST]",
        "<start_of_turn>model",
        "</s>",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "\n### Response:\nfine",
        "a" * 40,
        "schÃ¶n and fÃ¼r and Ã¤hnlich",
        "@@##%%&&**!!~~" * 20,
    ],
)
def test_garbling_is_found_in_prose(bad):
    assert reason(solved(SOLUTION.replace("Hence", f"{bad} Hence"))) == "garbled"


def test_accents_formulas_tables_and_symbols_are_not_garbling():
    text = SOLUTION.replace(
        "Hence",
        "Schr\u00f6dinger's \u0394x\u00b7\u0394p \u2265 \u210f/2 \u2014 \u2018na\u00efve\u2019 "
        "\u2211 x\u00b2 \u2192 \u221e. Hence",
    )
    assert reason(solved(text)) is None


def test_repetition_counts_words_in_sequences_that_were_said_before():
    loop = "The speed is the distance over the time. " * 8 + "\n\nAnswer: 5"
    assert reason(solved(loop)) == "repetition"
    assert reason(solved(loop), max_repetition=1.0) is None
    said_again = "\u901f\u5ea6\u4e58\u4ee5\u65f6\u95f4\u5c31\u662f\u8def\u7a0b\uff0c" * 12
    assert reason(solved(f"{said_again}\n\n\u7b54\u6848\uff1a5", CHINESE)) == "repetition"


def test_shares_of_repeated_words_are_those_of_a_slow_count():
    def slowly(words: list[str], length: int) -> float:
        seen, covered = set(), set()
        for place in range(len(words) - length + 1):
            gram = tuple(words[place : place + length])
            if gram in seen:
                covered.update(range(place, place + length))
            seen.add(gram)
        return len(covered) / max(len(words), 1)

    @given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=30), st.booleans())))
    def holds(drawn):
        texts = [" ".join(words) for words, _ in drawn]
        languages = ["zh" if is_chinese else "en" for _, is_chinese in drawn]
        shares = repeated_shares(split_words(pa.array(texts, pa.large_string())), languages)
        expected = [slowly(words, 8 if chinese else 4) for words, chinese in drawn]
        assert shares.tolist() == pytest.approx(expected)

    holds()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (f"{PROBLEM_ZH}{SOLUTION_ZH}", "zh"),
        (
            FRENCH,
            "fr",
        ),
        (
            JAPANESE,
            "ja",
        ),
    ],
)
def test_another_language_than_asked_for_is_found(text, language):
    draft = replace(GOOD, sections={"problem": text.split("\n")[0], "solution": text})
    (found,) = check([(draft, "stop")], Checks(max_repetition=1.0))
    assert found.reason == "wrong language"
    assert found.detail == f"{language} where en was asked for"


def test_english_in_place_of_chinese_is_found():
    assert reason(replace(GOOD, language="zh")) == "wrong language"


def test_formulas_code_and_short_texts_speak_no_language():
    formulas = "\n".join(
        f"$$ x_{{{n}}} = \\frac{{{n}}}{{y}} + \\alpha z^{{{n}}} $$" for n in range(9)
    )
    assert reason(solved(f"{formulas}\n\nAnswer: 5", asked("Solve for x."))) is None
    assert reason(solved("Oui, la vitesse.\n\nAnswer: 5", asked("Bien.")), min_words=0) is None
    mixed = SOLUTION_ZH.replace("\n\n", " Newton joule" * 60 + "\n\n")
    assert reason(solved(mixed, CHINESE), max_repetition=1.0) is None


def test_only_disciplines_of_numbers_need_a_final_answer():
    bare = SOLUTION.rpartition("\n\n")[0]
    assert reason(solved(bare)) == "no final answer"
    assert reason(replace(solved(bare), label="biology")) is None
    assert reason(replace(solved(bare), form="rephrase_textbook")) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so\n\nAnswer: 5 m", "5 m"),
        ("so\n\n**Answer:** $5$ m.", "$5$ m"),
        ("so\n\n**Answer: 5 m**", "5 m"),
        ("so\n\n### Final Answer\n5", None),
        ("so\n\n### Final Answer:\n\n5 m", "5 m"),
        ("so\nThe final answer is $\\frac{1}{2}$.", "\\frac{1}{2}"),
        ("so\nTherefore, the answer is: 12", "12"),
        ("\\boxed{\\frac{1}{2}} is it", "\\frac{1}{2}"),
        ("Answer: $\\boxed{42}$", "42"),
        ("Answer: <42>", "42"),
        ("Final Answer: The final answer is $x^2$.", "x^2"),
        ("\\boxed{1} then\nAnswer: 2", "2"),
        ("Answer: 1\nno, \\boxed{2}", "2"),
        ("\\boxed{1} and \\boxed{2}", "2"),
        ("\\boxed{1", None),
        ("\u89e3\n\u7b54\u6848\uff1a5 \u7c73\u3002", "5 \u7c73"),
        ("\u89e3\n\u56e0\u6b64\uff0c\u6700\u7ec8\u7b54\u6848\u662f 5", "5"),
        ("so\nAnswer: ...", None),
        ("so\nAnswer:", None),
        ("Answer: 5\nI hope\nthis\nhelps", None),
        ("Answer: 5\n\nI hope this helps!", "5"),
        ("The answer lies in the stars", None),
        ("", None),
    ],
)
def test_final_answers_are_read(text, answer):
    assert final_answer(text) == answer
    if answer is not None:
        begin, end = final_answer_span(text)
        assert text[begin:end] == answer


@given(st.text("\\boxed{}Answer: \n*$5.\u7b54\u6848\uff1a[]`", max_size=40))
def test_reading_final_answers_never_fails(text):
    span = final_answer_span(text)
    assert span is None or any(letter.isalnum() for letter in text[span[0] : span[1]])


@pytest.mark.parametrize(
    "text",
    [
        "According to the passage, how far does the cyclist ride?",
        "Based on the given text, explain what happens.",
        "As mentioned in the snippet, light is fast. How fast is it?",
        "What does the excerpt say about light?",
        "The passage describes a cyclist. How fast is she?",
        "\u6839\u636e\u4e0a\u8ff0\u7247\u6bb5\uff0c\u6c42\u901f\u5ea6\u3002",
        "\u6587\u4e2d\u63d0\u5230\u7684\u901f\u5ea6\u662f\u591a\u5c11\uff1f",
    ],
)
def test_talk_about_the_prompt_is_found(text):
    assert reason(asked(text)) == "talks about the prompt"


@pytest.mark.parametrize(
    "text",
    [
        "What does the following code snippet print? print(2)",
        "With the passage of time a current flows. In the text of the law stands a number.",
        "A ship sails through the passage between two islands at 5 km/h.",
        "\u6839\u636e\u6750\u6599\u7684\u5bc6\u5ea6\uff0c\u6c42\u8d28\u91cf\u3002",
        "The leaf extract shows an effect. It serves as the source document of a trade.",
        "\u57fa\u4e8e\u6587\u672c\u7684\u754c\u9762\uff0c\u4ece\u6bb5\u843d\u5f00\u59cb\u3002",
    ],
)
def test_passages_of_time_and_code_snippets_are_no_talk_about_the_prompt(text):
    assert reason(asked(text, GOOD if text.isascii() else CHINESE)) is None


@pytest.mark.parametrize(
    "blank",
    [
        "The [topic] is hard.",
        "Use [Tech] for [Problem1] and [problem_2].",
        "It is [solution_here_here].",
        "Dear [insert your name], see [Section 2].",
        "Here is [SOLUTION].",
        "\u3010\u95ee\u9898\u3011\u662f\u4ec0\u4e48\uff1f",
        "[\u6b64\u5904\u586b\u5199\u7b54\u6848]",
    ],
)
def test_blanks_that_were_never_filled_are_found(blank):
    draft = solved(f"{SOLUTION}\n\n{blank}") if blank.isascii() else asked(blank, CHINESE)
    assert reason(draft) == "placeholder"


@pytest.mark.parametrize(
    "text",
    [
        "Every [section] of the file has a head.",
        "See [the answer](http://a.b) and solution[problem] and `[topic]`.",
        "He [the patient] was [sic] 30 years old [12] and [Obs.] slept.",
        "The interval [0, 1] holds [Ca2+] in $[problem]$. It is so [1] and so [2, 3], [4][5].",
    ],
)
def test_other_brackets_are_no_blanks(text):
    assert reason(solved(f"{SOLUTION}\n\n{text}")) is None


def test_a_draft_that_says_what_it_was_told_is_no_draft():
    rules = "The solution is correct and teaches. It goes step by step and says why each is taken."
    assert reason(solved(f"{rules}\n\n{SOLUTION}")) == "copied prompt"
    assert reason(solved(SOLUTION)) is None
    told = render_prompt("science_qa", "zh", snippet="", fence="", discipline="", result="yes")
    assert (
        reason(solved(f"{told}\n\n{SOLUTION_ZH}", CHINESE), max_repetition=1.0) == "copied prompt"
    )
    assert reason(CHINESE) is None


def test_a_draft_of_too_few_words_says_nothing():
    brief = replace(GOOD, label="biology", sections={"problem": "Why?", "solution": "It is so."})
    assert reason(brief) == "too short"
    assert reason(brief, min_words=4) is None
    assert reason(brief, min_words=5) == "too short"


def test_programs_about_texts_are_no_talk_about_the_prompt():
    assert reason(asked("Split the words according to the given text.", CODE)) is None
    assert (
        reason(asked("Split as in the given snippet above.", CODE), min_words=0)
        == "talks about the prompt"
    )


def test_copied_sequences_of_eight_words_are_counted_against_any_seed():
    words = [f"word{n}" for n in range(12)]
    own = replace(SEED, text=" ".join(words))
    other = replace(SEED, text="nothing of it")
    # 12 words copied and 8 new ones: 13 sequences of 8, of which 5 are copied.
    half = " ".join([*words, *(f"new{n}" for n in range(8))])
    draft = replace(GOOD, form="rephrase_textbook", sections={"text": half}, seeds=(other, own))
    assert reason(draft, max_snippet_copied=5 / 13) is None
    assert reason(draft, max_snippet_copied=5 / 13 - 1e-9) == "copied snippet"
    assert reason(replace(draft, seeds=(other,)), max_snippet_copied=0) is None


def test_evaluation_items_are_found_by_thirteen_words_or_whole():
    item = "Zebra " + " ".join(PROBLEM.split()[3:15])
    assert reason(GOOD, items=[item]) == "evaluation item"
    assert reason(GOOD, items=["Zebra " + " ".join(PROBLEM.split()[3:14])]) is None
    assert reason(GOOD, items=["along a straight road at a steady speed"]) == "evaluation item"
    assert reason(GOOD, items=["a straight road at a steady speed"]) is None


def test_the_order_of_the_table_decides_and_batches_do_not():
    both = solved("I cannot help. <|im_end|>")
    drafts = [(GOOD, "stop"), (both, "stop"), (CHINESE, "stop"), (CODE, "stop"), (GOOD, "length")]
    found = [
        [(each.draft, each.reason) for each in check(drafts, Checks(), batch=size)]
        for size in (1, 2, 512)
    ]
    assert found[0] == found[1] == found[2]
    assert [reason for _, reason in found[0]] == [None, "refusal", None, None, "cut off"]


def test_drafts_are_not_read_ahead_of_their_batch():
    read = []

    def drafts():
        for number in range(10):
            read.append(number)
            yield GOOD, "stop"

    next(check(drafts(), Checks(), batch=3))
    assert len(read) == 3


def test_every_reason_says_what_it_means_and_reader_reasons_are_split():
    assert all(reason.meaning for reason in REASONS.values())
    assert split_reason("missing section: solution") == ("missing section", "solution")
    assert split_reason("no sections") == ("no sections", "")
