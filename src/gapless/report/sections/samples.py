"""Samples: what the models wrote after the recipe's prompts, point by point side by side."""

from dataclasses import dataclass

from gapless.report.content import ArmContent, Content, SampleContent
from gapless.report.numbers import tokens
from gapless.report.templating import Section, fill

_OPEN = 4
"""Prompts that are not folded away."""


@dataclass(frozen=True)
class Line:
    """One arm's answers to a prompt; None where it has no such point."""

    arm: int
    arm_name: str
    answers: tuple[str | None, ...]


@dataclass(frozen=True)
class PromptTable:
    """All answers to one prompt."""

    prompt: str
    points: tuple[str, ...]
    """After the base."""
    base: str | None
    """The base model's answer where all arms have one base; else each line begins with its own."""
    lines: tuple[Line, ...]


def build(content: Content) -> Section | None:
    """Make a table per prompt; None where nothing was written."""
    shown: dict[str, list[tuple[int, ArmContent, SampleContent]]] = {}
    for index, arm in enumerate(content.arms):
        for sample in arm.samples:
            shown.setdefault(sample.prompt, []).append((index, arm, sample))
    if not shown:
        return None
    left_out = max(sample.left_out for own in shown.values() for _, _, sample in own)
    tables = [_table(prompt, own) for prompt, own in shown.items()]
    html = fill("samples", tables=tables, num_open=_OPEN, left_out=left_out)
    return Section("samples", "Samples", html)


def _table(prompt: str, own: list[tuple[int, ArmContent, SampleContent]]) -> PromptTable:
    points = sorted({point for _, _, sample in own for point in sample.tokens})
    found = [dict(zip(sample.tokens, sample.answers, strict=True)) for _, _, sample in own]
    bases = {answers.get(0) for answers in found}
    if points[0] == 0 and len(bases) == 1:
        points = points[1:]
    lines = [
        Line(index, arm.name, tuple(answers.get(point) for point in points))
        for (index, arm, _), answers in zip(own, found, strict=True)
    ]
    heads = tuple("base model" if point == 0 else tokens(point) for point in points)
    return PromptTable(prompt, heads, bases.pop() if len(bases) == 1 else None, tuple(lines))
