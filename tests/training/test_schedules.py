import pytest

from gapless.recipe.schedules import Constant, Cosine, Linear, Schedule, WarmupStableDecay

CASES: list[tuple[Schedule, list[float]]] = [
    (Constant(warmup=0.2), [0.001, 0.5005, 1, 1, 1]),
    (Cosine(warmup=0.2, final=0.1), [0.001, 0.5005, 1, 0.55, 0.1]),
    (Linear(warmup=0.2, final=0.0), [0.001, 0.5005, 1, 0.5, 0.0]),
    (WarmupStableDecay(warmup=0.2, decay=0.4, final=0.2), [0.001, 0.5005, 1, 1, 0.2]),
]


@pytest.mark.parametrize(
    ("schedule", "expected"), CASES, ids=lambda case: getattr(case, "type", "")
)
def test_five_points(schedule: Schedule, expected: list[float]) -> None:
    seen = [schedule.factor(tokens, 1000) for tokens in (0, 100, 200, 600, 1000)]
    assert seen == pytest.approx(expected)


def test_decay_begins_where_it_says() -> None:
    schedule = WarmupStableDecay(warmup=0.0, decay=0.5)
    seen = [schedule.factor(tokens, 100) for tokens in (0, 49, 50, 75, 100)]
    assert seen == pytest.approx([1, 1, 1, 0.5, 0])
