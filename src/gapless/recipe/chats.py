"""Conversations: records of a source that the model is to learn to answer in."""

from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from gapless.recipe.fields import Part


class Shape(NamedTuple):
    """The columns that conversations of a format stand in."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


SHAPES = MappingProxyType(
    {
        "messages": Shape(("messages",)),
        "sharegpt": Shape(("conversations",), ("system",)),
        "alpaca": Shape(("instruction", "output"), ("input", "system")),
        "prompt_completion": Shape(("prompt", "completion"), ("system",)),
        "question_answer": Shape(("question", "answer"), ("system",)),
    }
)
"""Format to its columns. A new one is a line here and in `Chat`, and its turns in the corpus."""

PLAIN = "plain"
"""The template that ships with gapless: it needs no tokens that a base model does not have."""


class Chat(Part):
    """The source's records are conversations. ``chat: {}`` does for most."""

    format: Literal[
        "auto", "messages", "sharegpt", "alpaca", "prompt_completion", "question_answer"
    ] = "auto"
    """Which columns they stand in; ``auto``: the format whose columns a file has.

    messages: ``messages``, a list of {role, content}. sharegpt: ``conversations``, a list of
    {from, value}. alpaca: ``instruction``, ``input`` and ``output``. prompt_completion,
    question_answer: two columns of these names. All but messages may have a ``system`` column.
    """
    columns: dict[str, str] = Field(default_factory=dict)
    """What the files call the format's columns, where it differs: ``{output: reply}``."""
    learn: Literal["answers", "all"] = "answers"
    """``answers``: the model is taught what the assistant says, with the end of its turn."""
    template: str | None = None
    """A Jinja file, relative to the recipe, or ``plain``; the tokenizer's own when left out.

    ``plain`` ships with gapless: the role on a line, the words, end-of-text; no new tokens.
    """

    @model_validator(mode="after")
    def _known_columns(self) -> "Chat":
        shape = SHAPES.get(self.format)
        if shape is None and self.columns:
            raise ValueError("give the format whose columns have other names")
        known = (*shape.needed, *shape.optional) if shape else ()
        for name in self.columns:
            if name not in known:
                raise ValueError(
                    f"{self.format} has no column {name!r}; its columns are: {', '.join(known)}"
                )
        return self
