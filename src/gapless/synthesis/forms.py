"""The forms: what a model is asked to write, and how its answer is read.

    seeds --prompt file--> messages --> Request ... Answer --sections--> Draft

To add a form: its spec in ``recipe/syntheses.py``, one prompt per language, one line in FORMS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice

from gapless.endpoints.request import Answer, Request, Sampling
from gapless.recipe.syntheses import CodeQA, Rephrase, Synthesis
from gapless.recipe.syntheses import Form as FormSpec
from gapless.seeds import stream_key
from gapless.synthesis.demonstrations import demonstrations_of
from gapless.synthesis.disciplines import name_of
from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.problems import read_problems
from gapless.synthesis.prompting import render_prompt
from gapless.synthesis.sections import program, read_sections

_PAIRS = 3
"""So many pairs are asked for where a form has several."""
_MOST_PAIRS = 20
"""So many are read where a model writes more."""
_WITH_RESULT = frozenset({"mathematics", "physics", "chemistry"})
"""Disciplines whose solutions end in a line with the result."""
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Form:
    """One kind of text to ask for."""

    prompt: str
    """Stem of its prompt files."""
    sections: tuple[str, ...]
    """What the answer holds; numbered from 1 where there are several pairs."""
    pairs: bool = False
    """The two sections come several times; at least once."""
    programs: tuple[str, ...] = ()
    """Sections that are Python."""
    material: tuple[str, ...] = ()
    """Other files of ours that its requests are made from."""

    @property
    def fields(self) -> tuple[str, ...]:
        """What a server that can be held to a schema is asked for."""
        return self.named(1, _PAIRS + 1) if self.pairs else self.sections

    def named(self, first: int, end: int) -> tuple[str, ...]:
        """Return the names of the sections of some pairs."""
        return tuple(f"{name} {number}" for number in range(first, end) for name in self.sections)


FORMS: dict[str, Form] = {
    "science_qa": Form("science_qa", ("problem", "solution"), material=("disciplines.toml",)),
    "code_qa": Form(
        "code_qa",
        ("problem", "solution", "tests"),
        programs=("solution", "tests"),
        material=("topics.toml", "problems.jsonl"),
    ),
    "rephrase_qa": Form("rephrase_qa", ("question", "answer"), pairs=True),
    "rephrase_textbook": Form("rephrase_textbook", ("text",)),
    "rephrase_dialogue": Form("rephrase_dialogue", ("student", "teacher"), pairs=True),
    "instructions": Form("instructions", ("instruction", "response"), pairs=True),
}


def form_name(form: FormSpec) -> str:
    """Return the name in FORMS of what a recipe asks for."""
    return f"rephrase_{form.style}" if isinstance(form, Rephrase) else form.type


def messages_of(form: str, seeds: Sequence[Seed], language: str) -> tuple[tuple[str, str], ...]:
    """Return what a model is told: role and text, in order.

    One seed is a snippet. For code QA the last seed is the topic and the others are examples,
    which are told as turns of a conversation: small models follow them best so.
    """
    stem = FORMS[form].prompt
    if form == "code_qa":
        *examples, topic = seeds
        turns: list[tuple[str, str]] = []
        for number, example in enumerate(examples):
            turn = "first" if number == 0 else "next"
            turns.append(("user", render_prompt(stem, language, turn=turn, topic="")))
            turns.append(("assistant", example.text))
        asked = render_prompt(stem, language, turn="last", topic=topic.text)
        return (*turns, ("user", asked))
    (seed,) = seeds
    return (("user", _about(stem, seed, language)),)


def _about(stem: str, seed: Seed, language: str) -> str:
    values = {"snippet": seed.text, "fence": _fence(seed.text)}
    if stem == "science_qa":
        values["discipline"] = name_of(seed.label, language)
        values["result"] = "yes" if seed.label in _WITH_RESULT else ""
    return render_prompt(stem, language, **values)


def _fence(text: str) -> str:
    """Return a line that does not stand in a text, to be put before and after it."""
    fence = "====="
    while fence in text:
        fence += "="
    return fence


def prompt_versions(spec: Synthesis) -> list[str]:
    """Return what the prompts of a synthesis are known by: its form's first, then its checks'."""
    form = FORMS[form_name(spec.form)]
    checks = {"solve": spec.checks.agreement, "judge": spec.checks.judge}
    wanted = [name for name, check in checks.items() if check is not None]
    return [prompt_version(form.prompt, form.material), *map(prompt_version, wanted)]


@cache
def prompt_version(prompt: str, material: tuple[str, ...] = ()) -> str:
    """Return the hash of a prompt's files, in all languages, and of other files of ours."""
    folder = resources.files("gapless.synthesis")
    digest = hashlib.sha256()
    for name in (*(f"prompts/{prompt}.{language}.jinja" for language in LANGUAGES), *material):
        digest.update(folder.joinpath(name).read_bytes())
    return digest.hexdigest()[:12]


def requests_of(
    spec: Synthesis, seeds: Sequence[Seed], name: str, seed: int
) -> Iterator[tuple[Request, tuple[Seed, ...]]]:
    """Give each request with what it is made from: a pure function, the same at every call.

    Code QA draws from its own pool, and ``seeds`` are not looked at. A request's sampling seed
    hangs on its seed's place in its document (for code QA on its number), so that the requests
    that stay when a job is changed stay the same.
    """
    form = form_name(spec.form)
    for names, chosen in islice(_chosen(spec, seeds, name, seed), spec.requests):
        sampling = Sampling(
            temperature=spec.sampling.temperature,
            top_p=spec.sampling.top_p,
            max_tokens=spec.sampling.max_tokens,
            seed=stream_key(seed, "synthesis", name, "sampling", *names) % 2**31,
        )
        messages = messages_of(form, chosen, chosen[-1].language)
        yield Request(messages, spec.endpoint.model, sampling, FORMS[form].fields), chosen


def _chosen(
    spec: Synthesis, seeds: Sequence[Seed], name: str, seed: int
) -> Iterator[tuple[tuple[str | int, ...], tuple[Seed, ...]]]:
    """Give what each request is made from, and the names that its sampling seed is drawn by."""
    if isinstance(spec.form, CodeQA):
        pool = read_problems(spec.form.problems)
        drawn = (seed, name)
        yield from demonstrations_of(pool, spec.form.demonstrations, spec.languages, drawn)
    else:
        for one in seeds:
            yield (one.source, one.document, one.begin, one.end), (one,)


def draft_of(request: Request, seeds: tuple[Seed, ...], answer: Answer) -> Draft | str:
    """Return what an answer holds, or why it holds nothing (see `read_sections`).

    Of pairs, those that are whole are kept, and numbered anew.
    """
    name = _BY_FIELDS[request.fields]
    form = FORMS[name]
    if form.pairs:
        read = read_sections(answer.text, form.named(1, 2), form.named(2, _MOST_PAIRS + 1))
    else:
        read = read_sections(answer.text, form.sections)
    if isinstance(read, str):
        return read
    if form.pairs:
        read = _whole_pairs(form, read)
    for section in form.programs:
        read[section] = program(read[section])
        if not read[section].strip():
            return f"empty section: {section}"
    seed = seeds[-1]
    return Draft(request.key, name, seed.label, seed.language, read, seeds)


def _whole_pairs(form: Form, sections: dict[str, str]) -> dict[str, str]:
    whole: dict[str, str] = {}
    number = 0
    for place in range(1, _MOST_PAIRS + 1):
        texts = [sections.get(name) for name in form.named(place, place + 1)]
        if all(texts):
            number += 1
            names = form.named(number, number + 1)
            whole.update({name: text for name, text in zip(names, texts, strict=True) if text})
    return whole


_BY_FIELDS = {form.fields: name for name, form in FORMS.items()}
