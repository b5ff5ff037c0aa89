"""`training.decay_from`: where a recipe may say so."""

from pathlib import Path

import pytest

from gapless.recipe import arms, load

from .test_recipe_files import SMALL, message, write

WSD = "training.schedule={type: wsd, warmup: 1M, decay: 2M}"
TWELVE = "order.phases=[{tokens: 8M}, {tokens: 4M}]"


@pytest.mark.parametrize("begin", ["1M", "7.5M", "10M"])
def test_it_may_stand_anywhere_from_the_warm_up_to_the_usual_decay(
    tmp_path: Path, begin: str
) -> None:
    load(write(tmp_path), [WSD, TWELVE, f"training.decay_from={begin}"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            ["training.decay_from=5M"],
            (
                "the schedule 'cosine' has no decay that could begin elsewhere\n"
                "  Take `type: wsd` or `type: infinite`."
            ),
        ),
        (
            [WSD, TWELVE, "training.decay_from=999k"],
            "the rate is constant only from token 1,000,000 on",
        ),
        (
            [WSD, "training.decay_from=0.9M"],
            "the rate is constant only from token 1,000,000 on",
        ),
        (
            [
                "training.schedule={type: infinite, warmup: 1M, cooldown: 25%, decay: 2M}",
                TWELVE,
                "training.decay_from=3.9M",
            ],
            "the rate is constant only from token 4,000,000 on",
        ),
        (
            [WSD, TWELVE, "training.decay_from=10.5M"],
            "the decay would end at token 12,500,000, the run at 12,000,000",
        ),
        (
            ["training.schedule={type: infinite}", "training.decay_from=7.1M", TWELVE],
            "the rate is constant only from token 7,200,000 on",
        ),
        (
            [
                "training.schedule={type: wsd, decay: 5000}",
                "training.batch_tokens=8192",
                "training.decay_from=5M",
                TWELVE,
            ],
            "the decay (5,000 tokens) is shorter than a step (8,192)",
        ),
        (
            [
                WSD,
                "order.phases=[{tokens: 8M}, {tokens: 4M, schedule: {type: constant}}]",
                "training.decay_from=5M",
            ],
            (
                "phase 2 has a schedule of its own, which knows of no early decay\n"
                "  Take one of the two out."
            ),
        ),
    ],
)
def test_elsewhere_it_is_a_mistake(tmp_path: Path, settings: list[str], expected: str) -> None:
    told = message(write(tmp_path), *settings)
    assert told.endswith(f"training.decay_from: {expected}")


def test_an_arm_may_have_it_and_is_told_where_it_cannot(tmp_path: Path) -> None:
    text = SMALL + "arms: {long: {}, early: {training: {decay_from: 5M}}}\n"
    recipe = load(write(tmp_path, text), [WSD, TWELVE])
    assert {n: arm.training.decay_from for n, arm in arms(recipe).items()} == {
        "long": None,
        "early": 5_000_000,
    }
    assert "arms.early.training.decay_from: the schedule 'cosine'" in message(write(tmp_path, text))
