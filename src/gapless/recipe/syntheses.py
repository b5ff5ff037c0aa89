"""Syntheses: text that a language model writes from documents (Chen et al. 2024, science and code).

    seeds: documents --form: a prompt--> requests --endpoint--> answers --checks--> documents

Its documents are a source of the path ``synthesis:NAME``.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from gapless.recipe.endpoints import Endpoint
from gapless.recipe.fields import Fraction, Name, Part

Discipline = Literal[
    "mathematics",
    "physics",
    "chemistry",
    "biology",
    "astronomy",
    "earth_science",
    "medicine",
    "computer_science",
    "general_education",
]
"""The nine of Chen et al. 2024."""

DISCIPLINES: tuple[Discipline, ...] = get_args(Discipline)


class Keywords(Part):
    """A document's discipline by words of its own: a list that ships with gapless, or yours."""

    type: Literal["keywords"] = "keywords"
    words: dict[Discipline, tuple[str, ...]] | None = None
    """Discipline to words or phrases; those of gapless, English and Chinese, when left out."""
    least: Annotated[int, Field(ge=1)] = 3
    """Different ones that a document must hold to be of a discipline; the most hits decide."""


class Addresses(Part):
    """A document's discipline by the address it came from, which is its id."""

    type: Literal["addresses"] = "addresses"
    contain: dict[Discipline, tuple[str, ...]]
    """Discipline to pieces of addresses: ``{astronomy: [nasa.gov, /astro-ph/]}``."""


class Labels(Part):
    """A document's discipline by the label that a score gave it: a topic classifier's, for one."""

    type: Literal["labels"] = "labels"
    score: Name
    """A score of the recipe whose values are labels."""
    labels: dict[str, Discipline]
    """Label to discipline; documents of other labels are no seeds."""


DisciplineRule = Annotated[Keywords | Addresses | Labels, Field(discriminator="type")]


class Seeds(Part):
    """Which pieces of which documents the model takes inspiration from."""

    sources: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Their held-out works are never used. A source of role ``reference`` is only for this."""
    min_characters: Annotated[int, Field(ge=1)] = 400
    """A shorter document is no seed."""
    max_characters: Annotated[int, Field(ge=1)] = 1600
    """Of a longer one, whole paragraphs or sentences up to so many, from a place drawn."""

    @model_validator(mode="after")
    def _room(self) -> "Seeds":
        if self.max_characters < self.min_characters:
            raise ValueError(
                f"max_characters {self.max_characters} is below min_characters "
                f"{self.min_characters}"
            )
        return self


class ScienceQA(Part):
    """A problem and its solution, inspired by a snippet of a discipline (Chen et al. 2024)."""

    type: Literal["science_qa"] = "science_qa"
    seeds: Seeds
    disciplines: Annotated[tuple[Discipline, ...], Field(min_length=1)] = DISCIPLINES
    """Requests are dealt out evenly among those that have seeds left."""
    by: DisciplineRule = Keywords()
    """How a document's discipline is told."""


class CodeQA(Part):
    """A new programming problem with solution and tests, after examples of such problems."""

    type: Literal["code_qa"] = "code_qa"
    problems: str | None = None
    """JSON Lines of ``{id, problem, solution, tests}``; the pool of gapless when left out."""
    demonstrations: Annotated[int, Field(ge=1)] = 3
    """Examples drawn from the pool for each request."""


class Rephrase(Part):
    """A document said again in another form."""

    type: Literal["rephrase"] = "rephrase"
    seeds: Seeds
    style: Literal["qa", "textbook", "dialogue"] = "qa"


class Instructions(Part):
    """Instructions and answers that a document holds the knowledge for."""

    type: Literal["instructions"] = "instructions"
    seeds: Seeds


Form = Annotated[ScienceQA | CodeQA | Rephrase | Instructions, Field(discriminator="type")]


class Sampling(Part):
    """How the model chooses its words."""

    temperature: Annotated[float, Field(ge=0)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """Of one answer."""


class Agreement(Part):
    """Ask for a second solution to a question with a checkable answer, and keep what agrees."""

    model: str | None = None
    """Who solves it; the same model, at another seed, when left out."""


class Judge(Part):
    """Let a model grade every draft by a rubric, and keep the good ones."""

    model: str | None = None
    """Who judges; the same model when left out."""
    least: Annotated[int, Field(ge=1, le=5)] = 3
    """The least grade, of 1 to 5, that stays."""


class Checks(Part):
    """What a draft must pass; each failure is counted under its reason."""

    min_words: Annotated[int, Field(ge=0)] = 20
    """A draft of fewer, tests apart, says nothing; a Chinese ideograph counts as a word."""
    max_snippet_copied: Fraction = 0.5
    """The most of a draft's 8-word sequences that may stand in its seed."""
    near_copies: Annotated[Fraction, Field(gt=0)] = 0.7
    """Drafts whose word sets are about so alike (Jaccard, by MinHash) count as copies."""
    max_repetition: Fraction = 0.3
    """The most of its words that may stand in repeated lines or word sequences."""
    code: Literal["drop", "flag"] = "drop"
    """What becomes of a program that fails its tests in the sandbox, or whose tests test nothing.

    What is no program is dropped in any case.
    """
    agreement: Agreement | None = None
    judge: Judge | None = None


class Corruption(Part):
    """Spoil a share of the documents on purpose, for a study of quality (Chen et al. 2024)."""

    rate: Fraction
    """The share of documents that are spoiled."""
    ways: Annotated[
        tuple[Literal["numbers", "key_terms", "sentences", "wrong_answer"], ...],
        Field(min_length=1),
    ] = ("numbers", "key_terms", "sentences", "wrong_answer")
    """One is drawn for each, out of those that can change it."""


class Synthesis(Part):
    """A corpus that a language model writes."""

    endpoint: Endpoint
    form: Form
    requests: Annotated[int, Field(ge=1)]
    """How many are asked; fewer when the seeds do not suffice."""
    languages: Annotated[tuple[Literal["en", "zh"], ...], Field(min_length=1)] = ("en",)
    """To write in. A seed gives its own language when it is one of them, else the first."""
    sampling: Sampling = Sampling()
    checks: Checks = Checks()
    corruption: Corruption | None = None
    draws: Name | None = None
    """The name that seeds and samples are drawn by; its own when left out.

    Two of one name and one form ask the same, and pay once: a clean corpus and a spoilt one.
    """
