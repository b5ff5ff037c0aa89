"""Probes: the fixed measurements that a run takes of its model."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Name, Part, Tokens

Role = Literal["domain", "general"]


class BitsPerByte(Part):
    """Bits per byte on held-out documents, for every source that holds some out."""

    type: Literal["bits_per_byte"] = "bits_per_byte"
    bytes_per_source: Annotated[Tokens, Field(ge=4)] = 65_536
    """UTF-8 bytes of held-out text measured per source, whole documents first come."""
    max_document_bytes: Annotated[Tokens, Field(ge=4)] = 4_096
    """A longer document is measured on its beginning only, so that no single one dominates."""


class MultipleChoice(Part):
    """Multiple choice by likelihood on a local JSON Lines file (question, choices, answer)."""

    type: Literal["multiple_choice"] = "multiple_choice"
    name: Name
    """The probe's name in measurements and in the report."""
    path: str
    """A JSON Lines file of items: ``{"question": str, "choices": [str, ...], "answer": int}``."""
    role: Role
    """Whether the task asks for domain or for general ability."""


class Perplexity(Part):
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


Probe = Annotated[BitsPerByte | MultipleChoice | Perplexity, Field(discriminator="type")]


class Probing(Part):
    """When the model is measured; the base model always is, first and in full."""

    every: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens between two measurements; a twentieth of the run when left out."""
    first: Annotated[Tokens, Field(gt=0)] | None = None
    """Tokens to the first one after the base; from there the distance doubles up to ``every``.

    One step when left out: the stability gap opens in the first steps.
    """
    probes: tuple[Probe, ...] = (BitsPerByte(),)
