"""How much a probe has the model read and write to be asked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gapless.evaluation.items import ProbeItems
from gapless.evaluation.multiple_choice import pair_of


def asked_tokens(
    probe: ProbeItems, lengths: Callable[[Sequence[str]], Sequence[int]]
) -> tuple[int, int]:
    """Return the tokens read, and those written at most: answers may end earlier.

    ``lengths`` says how long texts are; in tokens, each with a prefix token before it.
    """
    if probe.task is not None and probe.task.max_new_tokens:
        prompts = [probe.task.shots + item.prompt for item in probe.task_items]
        return _read(prompts, lengths), probe.task.max_new_tokens * len(prompts)
    if probe.task is not None:
        pairs = [
            pair_of(probe.task.shots + item.prompt, answer, probe.task.before_answer)
            for item in probe.task_items
            for answer in item.choices or item.answers[:1]
        ]
        return _read([context + answer for context, answer in pairs], lengths), 0
    if probe.kind == "multiple_choice":
        pairs = [pair_of(q.question, choice) for q in probe.questions for choice in q.choices]
        return _read([context + answer for context, answer in pairs], lengths), 0
    return _read(probe.texts, lengths), 0


def _read(texts: Sequence[str], lengths: Callable[[Sequence[str]], Sequence[int]]) -> int:
    return sum(1 + length for length in lengths(texts))
