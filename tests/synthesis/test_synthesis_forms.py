"""The table of forms: every prompt, every request, every answer."""

import json
from collections import Counter
from typing import Any

import pytest

from gapless.endpoints.request import Answer, Request
from gapless.errors import DataError
from gapless.recipe.endpoints import Endpoint
from gapless.recipe.syntheses import (
    DISCIPLINES,
    Agreement,
    Checks,
    CodeQA,
    Instructions,
    Judge,
    Rephrase,
    ScienceQA,
    Seeds,
    Synthesis,
)
from gapless.recipe.syntheses import Form as FormSpec
from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.forms import (
    FORMS,
    LANGUAGES,
    draft_of,
    form_name,
    messages_of,
    prompt_version,
    prompt_versions,
    requests_of,
)

SNIPPET = "Light bends. {{ 7*7 }} {% raise %} {# no #} <b> & </text> \u6c34\n===== [Solution]"
SEEDS = Seeds(sources=("web",))
SPECS: dict[str, FormSpec] = {
    "science_qa": ScienceQA(seeds=SEEDS),
    "code_qa": CodeQA(),
    "rephrase_qa": Rephrase(seeds=SEEDS),
    "rephrase_textbook": Rephrase(seeds=SEEDS, style="textbook"),
    "rephrase_dialogue": Rephrase(seeds=SEEDS, style="dialogue"),
    "instructions": Instructions(seeds=SEEDS),
}


def spec(form: str, requests: int = 10, **changes: Any) -> Synthesis:
    endpoint = Endpoint(model="small")
    return Synthesis(endpoint=endpoint, form=SPECS[form], requests=requests, **changes)


def seed(label: str = "physics", language: str = "en", document: str = "d") -> Seed:
    return Seed("web", document, 0, len(SNIPPET), SNIPPET, label, language)


def asked(form: str, **changes: Any) -> list[tuple[Request, tuple[Seed, ...]]]:
    label = "physics" if form == "science_qa" else ""
    seeds = [seed(label, document=str(number)) for number in range(4)]
    return list(requests_of(spec(form, **changes), seeds, "qa", 5))


def test_the_table_holds_every_form_of_a_recipe() -> None:
    assert [form_name(form) for form in SPECS.values()] == list(FORMS)
    assert len({form.fields for form in FORMS.values()}) == len(FORMS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("form", [name for name in FORMS if name != "code_qa"])
def test_every_prompt_is_filled_and_holds_the_snippet_as_it_is(
    form: str, discipline: str, language: str
) -> None:
    ((role, text),) = messages_of(form, [seed(discipline, language)], language)
    assert role == "user"
    assert f"\n======\n{SNIPPET}\n======\n" in text
    around = text.replace(SNIPPET, "")
    assert "{" not in around
    assert "49" not in around
    assert ("\u4e2d\u6587" in around) == (language == "zh")
    if form == "science_qa":
        named = {"en": discipline.replace("_", " "), "zh": ""}[language]
        assert named in around
        last_line = {"en": '"Answer: "', "zh": "\u7b54\u6848\uff1a"}[language]
        checkable = discipline in {"mathematics", "physics", "chemistry"}
        assert (last_line in around) == checkable


def test_prompts_are_short() -> None:
    for form, (request, _) in ((form, asked(form)[0]) for form in FORMS):
        words = len(request.messages[-1][1].replace(SNIPPET, "").split())
        assert words < 180, form


def test_a_change_of_a_prompt_is_a_new_version() -> None:
    versions = {prompt_versions(spec(form))[0] for form in FORMS}
    assert len(versions) == len(FORMS)
    assert prompt_versions(spec("science_qa")) == prompt_versions(spec("science_qa"))
    plain, material = prompt_version("code_qa"), prompt_version("code_qa", ("topics.toml",))
    assert plain != material
    checks = Checks(agreement=Agreement(), judge=Judge())
    of_checks = [prompt_version("solve"), prompt_version("judge")]
    assert prompt_versions(spec("science_qa", checks=checks))[1:] == of_checks


@pytest.mark.parametrize("form", FORMS)
def test_requests_are_the_same_at_every_call_and_all_different(form: str) -> None:
    first, second = asked(form), asked(form)
    assert first == second
    assert len({request.key for request, _ in first}) == len(first)
    assert len({request.sampling.seed for request, _ in first}) == len(first)
    assert len(first) == (10 if form == "code_qa" else 4)
    for request, _ in first:
        assert request.fields == FORMS[form].fields
        assert request.model == "small"
        assert request.sampling.max_tokens == 1024


@pytest.mark.parametrize("form", FORMS)
def test_more_requests_keep_those_there_were(form: str) -> None:
    few = asked(form, requests=3)
    assert len(few) == 3
    assert asked(form, requests=10)[:3] == few


def test_a_seed_has_its_request_wherever_it_stands() -> None:
    seeds = [seed(document=str(number)) for number in range(3)]
    forwards = {s: r for r, s in requests_of(spec("science_qa"), seeds, "qa", 5)}
    backwards = {s: r for r, s in requests_of(spec("science_qa"), seeds[::-1], "qa", 5)}
    assert forwards == backwards
    other = {s: r for r, s in requests_of(spec("science_qa"), seeds, "qa", 6)}
    assert all(forwards[key].key != other[key].key for key in forwards)


def test_code_is_asked_for_by_examples_in_turns_and_a_topic() -> None:
    requests = asked("code_qa", requests=40, languages=("en", "zh"))
    examples, topics = Counter[str](), Counter[str]()
    for number, (request, seeds) in enumerate(requests):
        *shown, topic = seeds
        assert [one.source for one in seeds] == ["problems"] * 3 + ["topics"]
        assert len({one.document for one in shown}) == 3
        assert topic.language == ("en", "zh")[number % 2]
        roles = [role for role, _ in request.messages]
        assert roles == ["user", "assistant"] * 3 + ["user"]
        answers = [text for role, text in request.messages if role == "assistant"]
        assert answers == [one.text for one in shown]
        assert topic.text in request.messages[-1][1]
        examples.update(one.document for one in shown)
        topics[topic.text] += 1
    assert len(examples) > 30
    assert len(topics) > 20


def test_examples_are_written_as_answers_are_read() -> None:
    request, seeds = asked("code_qa")[0]
    draft = draft_of(request, seeds, answer(request, seeds[0].text))
    assert isinstance(draft, Draft)
    assert list(draft.sections) == ["problem", "solution", "tests"]
    assert "```" not in "".join(draft.sections.values())
    scope: dict[str, Any] = {}
    exec(f"{draft.sections['solution']}\n{draft.sections['tests']}", scope)  # noqa: S102


def test_a_pool_smaller_than_the_examples_is_refused() -> None:
    greedy = spec("code_qa").model_copy(update={"form": CodeQA(demonstrations=1000)})
    with pytest.raises(DataError, match="do not give 1000 demonstrations"):
        next(requests_of(greedy, [], "qa", 0))


def answer(request: Request, text: str) -> Answer:
    return Answer(request.key, text, "stop", "small", 1, 1)


def test_an_answer_becomes_a_draft() -> None:
    request, seeds = asked("science_qa")[0]
    draft = draft_of(request, seeds, answer(request, "[Problem]\na?\n[Solution]\nb"))
    sections = {"problem": "a?", "solution": "b"}
    assert draft == Draft(request.key, "science_qa", "physics", "en", sections, seeds)
    assert draft_of(request, seeds, answer(request, "[Problem]\na?")) == "missing section: solution"
    assert draft_of(request, seeds, answer(request, "I cannot.")) == "no sections"


def test_whole_pairs_are_kept_and_numbered_anew() -> None:
    request, seeds = asked("instructions")[0]
    text = "Instruction 1: a\nResponse 1: b\nInstruction 3: c\nInstruction 4: e\nResponse 4: f"
    draft = draft_of(request, seeds, answer(request, text))
    assert isinstance(draft, Draft)
    assert draft.sections == {
        "instruction 1": "a",
        "response 1": "b",
        "instruction 2": "e",
        "response 2": "f",
    }
    cut = answer(request, "Instruction 1: a")
    assert draft_of(request, seeds, cut) == "missing section: response 1"


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_held_to_the_schema_is_read(form: str) -> None:
    request, seeds = asked(form)[0]
    told = {field: f"x = {number}" for number, field in enumerate(request.fields)}
    draft = draft_of(request, seeds, answer(request, json.dumps(told)))
    assert isinstance(draft, Draft)
    assert draft.form == form
    assert draft.sections == told


def test_a_program_without_code_is_empty() -> None:
    request, seeds = asked("code_qa")[0]
    text = "[Problem]\na\n[Solution]\n```python\n```\n[Tests]\nassert x"
    assert draft_of(request, seeds, answer(request, text)) == "empty section: solution"
