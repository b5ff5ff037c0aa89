"""What it takes to ask each probe of a recipe once: the tokens that the model reads and writes.

Costs are in tokens of training, so that they need no model and no clock: training is three forward
passes, reading one, and writing a token takes as long as reading `WRITING` of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gapless.recipe import Recipe
from gapless.recipe.probes import BitsPerByte, MultipleChoice, Perplexity
from gapless.workflow.harness import harness_sizes
from gapless.workflow.probe_names import labels_of, owners
from gapless.workflow.stage import Stage, Workplace, locate
from gapless.workflow.tasks import read_tasks, task_owners

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BYTES_PER_TOKEN = 3.5
"""UTF-8 bytes per token of English text, where nobody has counted."""
_TRAINING_PASSES = 3
WRITING = 4.0
"""A token written costs as much time as so many read (docs/decisions/0018)."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The tokens of one thing that is measured."""

    probe: int
    """The place of its probe in ``probing.probes``."""
    read: int
    written: int = 0

    @property
    def cost(self) -> float:
        """The tokens of training that take as long."""
        return (self.read + WRITING * self.written) / _TRAINING_PASSES


def costs_of_probes(recipe: Recipe, askings: Iterable[Asking]) -> list[float]:
    """Return what it costs to ask each probe of the recipe once, in tokens of training."""
    costs = [0.0] * len(recipe.probing.probes)
    for each in askings:
        costs[each.probe] += each.cost
    return costs


def estimated(recipe: Recipe, place: Workplace, probes: Stage) -> list[Asking]:
    """Return what is asked, from bytes; a task of the harness counts once its probe is made."""
    return [
        *_held_out_text(recipe),
        *_questions(recipe, place),
        *_tasks(recipe, place),
        *_harness(recipe, probes),
    ]


def counted(
    recipe: Recipe, recipe_dir: Path, probes: Stage, tokenizer: PreTrainedTokenizerFast
) -> list[Asking]:
    """Return what is asked, in the model's tokens, of probes that are made.

    Of the harness's tasks bytes are known, and the longest answer.
    """
    from gapless.evaluation import asked_tokens, read_probes
    from gapless.tokenization.encode import plain_encoder

    items = read_probes(probes.path)
    whose, encoder = owners(recipe, recipe_dir, items), plain_encoder(tokenizer)

    def lengths(texts: Sequence[str]) -> list[int]:
        encodings = encoder.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    found = []
    for probe in items:
        read, written = asked_tokens(probe, lengths)
        found.append(Asking(probe=whose[probe.name][0], read=read, written=written))
    return [*found, *_harness(recipe, probes)]


def _held_out_text(recipe: Recipe) -> Iterator[Asking]:
    """Give the held-out text that each probe reads of each source, at most."""
    held_out = [name for name, source in recipe.trained_sources.items() if source.held_out > 0]
    whole: set[str] = set()
    for number, probe in enumerate(recipe.probing.probes):
        for name in held_out:
            if isinstance(probe, BitsPerByte):
                yield _of_bytes(number, probe.bytes_per_source)
            elif isinstance(probe, Perplexity):
                score = recipe.scores.get(probe.by or "")
                if score is not None and name in recipe.scored_sources(score):
                    num_labels = len(labels_of(score)) or 1
                    yield _of_bytes(number, probe.bytes_per_label * num_labels)
                elif name not in whole:
                    whole.add(name)
                    yield _of_bytes(number, probe.bytes_per_label)


def _questions(recipe: Recipe, place: Workplace) -> Iterator[Asking]:
    """Give the files of questions: each question is read with each of its choices."""
    from gapless.evaluation import read_questions

    for number, probe in enumerate(recipe.probing.probes):
        if isinstance(probe, MultipleChoice):
            questions = read_questions(locate(probe.path, place.recipe_dir))
            texts = (q.question + choice for q in questions for choice in q.choices)
            yield _of_bytes(number, sum(len(text.encode()) for text in texts))


def _tasks(recipe: Recipe, place: Workplace) -> Iterator[Asking]:
    from gapless.evaluation import asked_tokens

    numbers = task_owners(recipe, place.recipe_dir)
    for name, probe in read_tasks(recipe, place).items():
        read, written = asked_tokens(probe, lambda texts: [len(t.encode()) for t in texts])
        yield Asking(probe=numbers[name], read=round(read / BYTES_PER_TOKEN), written=written)


def _harness(recipe: Recipe, probes: Stage) -> Iterator[Asking]:
    for number, num_bytes, written in harness_sizes(recipe, probes):
        read = max(0, round(num_bytes / BYTES_PER_TOKEN) - written)
        yield Asking(probe=number, read=read, written=written)


def _of_bytes(probe: int, num_bytes: int) -> Asking:
    return Asking(probe=probe, read=round(num_bytes / BYTES_PER_TOKEN))
