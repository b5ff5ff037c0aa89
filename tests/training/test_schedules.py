import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gapless.recipe.schedules import (
    Constant,
    Cosine,
    Infinite,
    InverseSquareRoot,
    Linear,
    Schedule,
    Stretch,
    WarmupStableDecay,
    fallen,
    overlong,
    tokens_of,
)

CASES: list[tuple[Schedule, list[float]]] = [
    (Constant(warmup=0.2), [0.001, 0.5005, 1, 1, 1]),
    (Constant(warmup=200, warmup_from=0.5), [0.5, 0.75, 1, 1, 1]),
    (Cosine(warmup=0.2, final=0.1), [0.001, 0.5005, 1, 0.55, 0.1]),
    (Linear(warmup=0.2, final=0.0), [0.001, 0.5005, 1, 0.5, 0.0]),
    (InverseSquareRoot(warmup=0.2), [0.001, 0.5005, 1, math.sqrt(1 / 3), math.sqrt(1 / 5)]),
    (InverseSquareRoot(warmup=0.2, timescale=400), [0.001, 0.5005, 1, math.sqrt(1 / 2), 3**-0.5]),
    (WarmupStableDecay(warmup=0.2, decay=0.4, final=0.2), [0.001, 0.5005, 1, 1, 0.2]),
    (WarmupStableDecay(warmup=200, decay=800, shape="1-sqrt"), [0.001, 0.5005, 1, 0.292893, 0]),
    (Infinite(warmup=0.2, cooldown=0.4, decay=0.2), [0.001, 0.5005, 1, 0.5, 0.01]),
]


@pytest.mark.parametrize(
    ("schedule", "expected"), CASES, ids=lambda case: getattr(case, "type", "")
)
def test_five_points(schedule: Schedule, expected: list[float]) -> None:
    seen = [schedule.factor(tokens, 1000) for tokens in (0, 100, 200, 600, 1000)]
    assert seen == pytest.approx(expected, abs=1e-6)


def test_decay_begins_where_it_says() -> None:
    schedule = WarmupStableDecay(warmup=0.0, decay=0.5)
    seen = [schedule.factor(tokens, 100) for tokens in (0, 49, 50, 75, 100)]
    assert seen == pytest.approx([1, 1, 1, 0.5, 0])


def test_paper_2_warms_up_from_a_floor_over_an_amount_of_tokens() -> None:
    """Chen et al. 2024: 1e-7 to 1e-5 over the first 10B tokens, then constant."""
    schedule = TypeAdapter(Schedule).validate_python(
        {"type": "constant", "warmup": "10B", "warmup_from": "1%"}
    )
    for total in (100 * 10**9, 10**13):
        seen = [1e-5 * schedule.factor(at, total) for at in (0, 5 * 10**9, 10**10, total)]
        assert seen == pytest.approx([1e-7, 5.05e-6, 1e-5, 1e-5], rel=1e-12)


def test_the_infinite_schedule_is_that_of_the_paper() -> None:
    """Written out from section 7 of Ibrahim et al. 2024, four pieces in absolute rates."""
    peak, constant, least = 3e-4, 1.65e-4, 3e-5
    t_cooldown, t_constant, t_anneal, t_end = 100, 600, 800, 1000

    def slowly(t: int, alpha: float = 10.0) -> float:
        if t <= t_cooldown:
            return peak * (1e-3 + (1 - 1e-3) * t / t_cooldown)
        if t <= t_constant:
            x = (t - t_cooldown) / (t_constant - t_cooldown)
            return peak + (constant - peak) / ((1 + alpha) ** -0.5 - 1) * (
                (1 + alpha * x) ** -0.5 - 1
            )
        if t <= t_anneal:
            return constant
        return constant * (least / constant) ** ((t - t_anneal) / (t_end - t_anneal))

    schedule = Infinite(
        warmup=100,
        cooldown=500,
        cooldown_shape="inverse_square_root",
        constant=constant / peak,
        decay=200,
        final=least / peak,
    )
    ours = [peak * schedule.factor(t, t_end) for t in range(t_end + 1)]
    assert ours == pytest.approx([slowly(t) for t in range(t_end + 1)], rel=1e-9)


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt"])
def test_wsd_equals_transformers(shape: str) -> None:
    from transformers.optimization import _get_wsd_scheduler_lambda

    ours = WarmupStableDecay(warmup=100, decay=300, shape=shape, final=0.1, warmup_from=0.1)  # type: ignore[arg-type]
    for step in range(1001):
        theirs = _get_wsd_scheduler_lambda(
            step,
            num_warmup_steps=100,
            num_stable_steps=600,
            num_decay_steps=300,
            warmup_type="linear",
            decay_type=shape,
            min_lr_ratio=0.1,
            num_cycles=0.5,
        )
        assert ours.factor(step, 1000) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "ours", "options"),
    [
        ("constant_schedule_with_warmup", Constant(warmup=100, warmup_from=0), {}),
        ("linear_schedule_with_warmup", Linear(warmup=100, warmup_from=0), {"total": 1000}),
        ("cosine_schedule_with_warmup", Cosine(warmup=100, warmup_from=0, final=0), {"total": 1}),
        ("inverse_sqrt_schedule", InverseSquareRoot(warmup=100, warmup_from=0), {}),
        (
            "inverse_sqrt_schedule",
            InverseSquareRoot(warmup=100, warmup_from=0, timescale=40),
            {"timescale": 40},
        ),
    ],
)
def test_others_equal_transformers(name: str, ours: Schedule, options: dict[str, int]) -> None:
    import torch
    import transformers

    if options.pop("total", 0):
        options["num_training_steps"] = 1000
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    make = getattr(transformers, f"get_{name}")
    [theirs] = make(optimizer, num_warmup_steps=100, **options).lr_lambdas
    seen = [ours.factor(step, 1000) for step in range(1001)]
    assert seen == pytest.approx([theirs(step) for step in range(1001)], rel=1e-9, abs=1e-12)


TOTALS = st.integers(10, 10**13)
FRACTIONS = st.floats(0, 0.5)


@st.composite
def schedules(draw: st.DrawFn, total: int) -> Schedule:
    """Every type, its stretches in fractions or in tokens, together no more than the run."""

    def stretch(most: float) -> float:
        if draw(st.booleans()):
            return draw(st.floats(0, most))
        tokens = draw(st.integers(0, int(most * total)))
        return tokens if tokens > 1 else 0.0

    climb = {"warmup": stretch(0.3), "warmup_from": draw(FRACTIONS)}
    final = draw(FRACTIONS)
    shape = draw(st.sampled_from(["linear", "cosine", "1-sqrt"]))
    cooldown = draw(st.sampled_from(["cosine", "inverse_square_root"]))
    return draw(
        st.sampled_from(
            [
                Constant(**climb),
                Cosine(**climb, final=final),
                Linear(**climb, final=final),
                InverseSquareRoot(**climb, timescale=stretch(0.3)),
                InverseSquareRoot(**climb),
                WarmupStableDecay(**climb, decay=stretch(0.3), shape=shape, final=final),
                Infinite(
                    **climb,
                    cooldown=stretch(0.3),
                    cooldown_shape=cooldown,
                    constant=draw(st.floats(0.5, 1)),
                    decay=stretch(0.3),
                    final=draw(st.floats(0.01, 0.5)),
                ),
            ]
        )
    )


def test_a_timescale_of_next_to_nothing_begins_at_the_peak() -> None:
    schedule = InverseSquareRoot(warmup=2, timescale=1e-293)
    assert schedule.factor(2, 10) == 1
    assert 0 <= schedule.factor(3, 10) < 1e-100


@given(st.data(), TOTALS)
def test_never_above_the_peak_never_negative_and_ends_where_it_says(data, total: int) -> None:
    schedule = data.draw(schedules(total))
    assert overlong(schedule.stretches(), total) is None
    for seen in {0, total, *data.draw(st.lists(st.integers(0, total), max_size=20))}:
        assert 0 <= schedule.factor(seen, total) <= 1
    begin = tokens_of(schedule.warmup, total)
    if begin >= 1:
        assert schedule.factor(0, total) == schedule.warmup_from
    # A decay so short that the last token lies within a rounding of its begin is none.
    short = total - tokens_of(getattr(schedule, "decay", 1.0), total) == total
    if isinstance(schedule, Cosine | Linear | WarmupStableDecay):
        decays = not isinstance(schedule, WarmupStableDecay) or not short
        assert schedule.factor(total, total) == pytest.approx(
            schedule.final if decays else 1.0, abs=1e-12
        )
    if isinstance(schedule, Infinite) and not short:
        assert schedule.factor(total, total) == pytest.approx(schedule.final)


@settings(max_examples=50)
@given(st.data(), st.integers(10**6, 10**13))
def test_nothing_jumps(data, total: int) -> None:
    """From one token to the next the rate moves by no more than its steepest stretch allows."""
    schedule = data.draw(schedules(total))
    lengths = [tokens_of(each, total) for each in schedule.stretches().values() if each]
    assume(all(length > 1000 for length in lengths))
    assume(not isinstance(schedule, Infinite) or schedule.cooldown)  # 0 is a jump, as asked
    if isinstance(schedule, InverseSquareRoot):
        timescale = schedule.warmup if schedule.timescale is None else schedule.timescale
        assume(timescale == 0 or tokens_of(timescale, total) > 1000)
    borders = {0.0, *lengths, sum(lengths)}
    borders |= {total - length for length in lengths} | {float(total - 1)}
    places = {int(b) + near for b in borders for near in (-2, -1, 0, 1)}
    for seen in sorted(p for p in places if 0 <= p < total):
        step = abs(schedule.factor(seen + 1, total) - schedule.factor(seen, total))
        assert step <= 0.05, "the root's first token of a thousand: 1 / sqrt(1000)"


@given(st.data(), st.integers(10, 10**13))
def test_tokens_and_the_same_fraction_are_the_same(data, total: int) -> None:
    warmup = data.draw(st.integers(2, total))
    in_tokens, in_parts = Cosine(warmup=warmup), Cosine(warmup=warmup / total)
    seen = data.draw(st.integers(0, total))
    assert in_tokens.factor(seen, total) == pytest.approx(in_parts.factor(seen, total), rel=1e-6)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0.1, 0.1),
        ("0.1", 0.1),
        ("10%", 0.1),
        ("100%", 1.0),
        (0, 0.0),
        (1, 1.0),
        ("1", 1.0),
        (2, 2),
        ("500k", 500_000),
        ("10B", 10**10),
        (1e10, 10**10),
        ("0.5M", 500_000),
    ],
)
def test_a_fraction_and_an_amount_of_tokens_are_told_apart(written: object, meant: float) -> None:
    read = TypeAdapter(Stretch).validate_python(written)
    assert read == meant
    assert type(read) is type(meant), "so that it is written back as what it was"
    assert TypeAdapter(Stretch).validate_python(read) == meant


@pytest.mark.parametrize("written", [1.5, -0.1, "110%", "-5%", "ten", "", -3, "1.5", "nan"])
def test_what_is_neither_is_refused_in_plain_words(written: object) -> None:
    with pytest.raises(ValidationError, match="neither a fraction nor an amount of tokens"):
        TypeAdapter(Stretch).validate_python(written)


def test_stretches_longer_than_the_whole_are_named() -> None:
    assert overlong({"warmup": 10**10}, 10**9) == (
        "warmup (10,000,000,000) is more than the 1,000,000,000 tokens of the whole"
    )
    assert overlong({"warmup": 0.5, "cooldown": 300, "decay": 300}, 1000) == (
        "warmup (0.5), cooldown (300) and decay (300) together are more than "
        "the 1,000 tokens of the whole"
    )
    assert overlong({"warmup": 0.1, "cooldown": 0.2, "decay": 0.7}, None) is None
    assert overlong({"warmup": 10**10}, None) is None, "nobody knows the length yet"


@given(st.floats(0, 1), st.floats(0, 1))
def test_every_shape_falls_from_one_to_its_end(progress: float, final: float) -> None:
    for shape in ("linear", "cosine", "1-sqrt"):
        assert fallen(shape, 0.0, final=final) == pytest.approx(1)
        assert fallen(shape, 1.0, final=final) == pytest.approx(final, abs=1e-12)
        assert final - 1e-12 <= fallen(shape, progress, final=final) <= 1
