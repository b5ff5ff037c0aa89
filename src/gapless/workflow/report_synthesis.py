"""What the report says of text that a language model wrote."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from gapless.recipe import Recipe
from gapless.records.artifact import ArtifactFolder
from gapless.report import LabelCounts, RejectionContent, SynthesisContent, WrittenExample
from gapless.seeds import stream
from gapless.synthesis import REASONS, REJECTED, WRITTEN, form_name, prompt_versions
from gapless.workflow.synthesis import SYNTHESIS
from gapless.workflow.synthesize import cost_words

_EXAMPLES = 6
_EXAMPLES_OF_REASON = 3


def syntheses(recipe: Recipe, stages: Mapping[str, ArtifactFolder]) -> Iterator[SynthesisContent]:
    """Give what became of every synthesis that the run did."""
    for name in recipe.synthesis:
        folder = stages.get(f"{SYNTHESIS}.{name}")
        if folder is not None and folder.exists():
            yield _content(name, recipe, folder)


def _content(name: str, recipe: Recipe, folder: ArtifactFolder) -> SynthesisContent:
    spec, facts = recipe.synthesis[name], folder.manifest().facts
    examples = _rejected(folder.path / REJECTED)
    return SynthesisContent(
        name=name,
        form=form_name(spec.form),
        model=", ".join(facts["models"]) or spec.endpoint.model,
        prompt=prompt_versions(spec)[0],
        requests=facts["requests"],
        documents=facts["documents"],
        prompt_tokens=facts["prompt_tokens"],
        completion_tokens=facts["completion_tokens"],
        cost=cost_words(facts["cost"]),
        labels=tuple(LabelCounts(**row) for row in facts["labels"]),
        rejections=tuple(
            RejectionContent(
                reason=reason,
                meaning=REASONS[reason].meaning,
                count=count,
                examples=tuple(examples[reason]),
            )
            for reason, count in facts["rejected"].items()
        ),
        notes=tuple(_notes(facts)),
        examples=tuple(_written(folder.path / WRITTEN, facts["documents"], recipe.seed)),
    )


def _notes(facts: Mapping[str, Any]) -> Iterator[str]:
    for flag, value, count in facts["flags"]:
        yield f"{flag}: {value}: {count:,} documents."
    if facts["unmetered"]:
        yield f"The server did not say how many tokens {facts['unmetered']:,} answers took."


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def _rejected(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the first few of each reason: what about them, and how they begin."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(file):
        examples = found.setdefault(row["reason"], [])
        if len(examples) < _EXAMPLES_OF_REASON:
            examples.append((row["detail"] or row["label"], row["beginning"]))
    return found


def _written(file: Path, number: int, seed: int) -> Iterator[WrittenExample]:
    """Give a few documents, drawn at random: the good ones and the bad ones."""
    drawn = stream(seed, "report", "synthesis").permutation(number)[:_EXAMPLES]
    wanted = set(drawn.tolist())
    for place, row in enumerate(_rows(file)):
        if place in wanted:
            made = ", ".join(f"{s['source']}: {s['document'][:7]}" for s in row["seeds"])
            yield WrittenExample(label=row["label"], seeds=made, text=row["text"])
