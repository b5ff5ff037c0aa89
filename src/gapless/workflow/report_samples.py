"""What the report shows of the samples that an arm wrote."""

from pathlib import Path

from gapless.records.arm_journals import SAMPLES
from gapless.records.samples import read_samples
from gapless.report import SampleContent

_MOST_POINTS = 6


def samples(training: Path) -> tuple[SampleContent, ...]:
    """Return an arm's answers by prompt, at a few points: the base, the end, evenly between."""
    by_point: dict[int, list[tuple[str, str]]] = {}
    for sample in read_samples(training / SAMPLES):
        by_point.setdefault(sample.tokens_seen, []).append((sample.prompt, sample.answer))
    points = sorted(by_point)
    shown = _some(points)
    prompts = [prompt for prompt, _ in by_point[points[0]]] if points else []
    return tuple(
        SampleContent(
            prompt=prompt,
            tokens=tuple(shown),
            answers=tuple(by_point[point][number][1] for point in shown),
            left_out=len(points) - len(shown),
        )
        for number, prompt in enumerate(prompts)
    )


def _some(points: list[int]) -> list[int]:
    if len(points) <= _MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(last * part / (_MOST_POINTS - 1))] for part in range(_MOST_POINTS)]
