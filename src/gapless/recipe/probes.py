"""Probes: the fixed measurements that a run takes of its model."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gapless.recipe.fields import Fraction, Name, Part, Tokens

Role = Literal["domain", "general"]


class _Probe(Part):
    """What every probe has."""

    every: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens between two measurements of it; what ``probing.every`` says when left out.

    With more than that, it is a rare one: measured at multiples of this distance, moved to the
    nearest point at which others are measured, and not at the dense points of the beginning.
    """


class BitsPerByte(_Probe):
    """Bits per byte on held-out documents, for every source that holds some out."""

    type: Literal["bits_per_byte"] = "bits_per_byte"
    bytes_per_source: Annotated[Tokens, Field(ge=4)] = 65_536
    """UTF-8 bytes of held-out text measured per source, whole documents first come."""
    max_document_bytes: Annotated[Tokens, Field(ge=4)] = 4_096
    """A longer document is measured on its beginning only, so that no single one dominates."""


class MultipleChoice(_Probe):
    """Multiple choice by likelihood on a local JSON Lines file (question, choices, answer)."""

    type: Literal["multiple_choice"] = "multiple_choice"
    name: Name
    """The probe's name in measurements and in the report."""
    path: str
    """A JSON Lines file of items: ``{"question": str, "choices": [str, ...], "answer": int}``."""
    role: Role
    """Whether the task asks for domain or for general ability."""


class Perplexity(_Probe):
    """Perplexity on held-out documents, of each source or topic by topic (Chen et al. 2024).

    Measurements are called ``SOURCE/LABEL``, or ``SOURCE/all`` for a whole source.
    """

    type: Literal["perplexity"] = "perplexity"
    by: str | None = None
    """A column of labels, such as a topic score: measured label by label.

    A source without the column is measured as a whole, as all are when this is left out.
    """
    bytes_per_label: Annotated[Tokens, Field(ge=4)] = 16_384
    """UTF-8 bytes of held-out text measured per label, or per source measured as a whole."""
    max_document_bytes: Annotated[Tokens, Field(ge=4)] = 4_096
    """A longer document is measured on its beginning only, so that no single one dominates."""


class Task(_Probe):
    """A task of a local folder: ``task.yaml`` and the JSON Lines files that it names."""

    type: Literal["task"] = "task"
    path: str
    """The folder. The task's name, its role and how it is asked stand in its ``task.yaml``."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """The first so many items are asked; all when left out."""


class TaskSuite(_Probe):
    """The tasks of a suite that ships with gapless, or is made by ``gapless assets fetch``."""

    type: Literal["suite"] = "suite"
    name: Literal["abstracts", "chinese", "classical-chinese", "general", "medical"]
    """The suite: the asset ``suite-NAME`` (docs/tasks.md)."""
    tasks: tuple[Name, ...] | None = None
    """Some of its tasks, by name; all when left out."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """The first so many items of each task, which come in a random order; all when left out."""
    role: Role | None = None
    """Whether they ask for domain or for general ability; what the suite says when left out."""


class HarnessTask(Part):
    """A task of lm-evaluation-harness, and what is to be different from the others of its probe."""

    task: str
    """Its name in the harness: a task, a group of them, or a tag."""
    shots: Annotated[int, Field(ge=0)] | None = None
    """Examples before each question; as many as the task's own file says when left out."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """The first so many documents of each task; all when left out."""
    role: Role | None = None
    """Whether it asks for domain or for general ability; what the probe says when left out."""
    parts: bool = False
    """Whether the tasks of a group are measurements of their own, beside the group's value."""


Suite = Literal[
    "stability_gap_general",
    "stability_gap_medical",
    "syne_chinese",
    "syne_english",
    "syne_reasoning",
    "syne_science",
]


class Harness(_Probe):
    """Tasks of lm-evaluation-harness by name, asked of the model in training (docs/harness.md)."""

    type: Literal["harness"] = "harness"
    tasks: tuple[str | HarnessTask, ...] = ()
    """Names, or objects with settings of their own."""
    suite: Suite | None = None
    """A table of tasks with their shots and roles, beside ``tasks``."""
    role: Role | None = None
    """Of every task that does not say otherwise, those of the suite included."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """Of every task that does not say otherwise."""
    paths: tuple[str, ...] = ()
    """Folders with task files of your own (the harness's ``--include_path``). Code in them runs."""


Probe = Annotated[
    BitsPerByte | MultipleChoice | Perplexity | Task | TaskSuite | Harness,
    Field(discriminator="type"),
]


_Prompt = Annotated[str, Field(min_length=1, max_length=2000)]
_Prompts = Annotated[tuple[_Prompt, ...], Field(min_length=1, max_length=32)]


class Samples(Part):
    """Prompts that the model writes on at a few points, always with the likeliest token.

    For people to read: nothing is computed from the answers. The base and the end are always among
    the points; without ``every`` or ``at`` there are three more: two early ones, and the middle.
    """

    prompts: _Prompts
    """Texts to go on from."""
    max_new_tokens: Annotated[int, Field(gt=0, le=1024)] = 60
    """Length of an answer, at most; never more than half of ``order.context``."""
    every: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens between two points; the first measured point after each multiple of it is taken."""
    at: tuple[Annotated[Tokens, Field(gt=0)], ...] = ()
    """Tokens seen; the first measured point from each of them on is taken."""

    @model_validator(mode="after")
    def _one_way(self) -> "Samples":
        if self.every is not None and self.at:
            raise ValueError("gives both `every` and `at`; leave one out")
        return self


def _spelled_out(value: Any) -> Any:
    return {"prompts": value} if isinstance(value, list | tuple) else value


_Samples = Annotated[
    Samples, BeforeValidator(_spelled_out, json_schema_input_type=_Prompts | Samples)
]


class Probing(Part):
    """When the model is measured; by every probe before the first step, and after the last one."""

    every: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens between two measurements; a twentieth of the run when left out.

    Probes can have longer distances of their own, or shorter ones.
    """
    first: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens to the first one after the base; from there the distance doubles up to ``every``.

    One step when left out: the stability gap opens in the first steps.
    """
    budget: Annotated[Fraction, Field(gt=0)] | None = None
    """The most of an arm's time that measuring may take, by its operations; no limit when left out.

    Where what is planned takes more, the dearest probe is measured half as often, again and again;
    ``gapless plan`` says how often. The base and the end are measured in any case.
    """
    probes: tuple[Probe, ...] = (BitsPerByte(),)
    samples: _Samples | None = None
    """Prompts that the model writes on at a few points, for the report; a list of them will do."""
