"""Arms that decay early: their rates, their ends, and whom they go on from."""

import math
from typing import Any

import pytest

from gapless.errors import RecipeError
from gapless.mixing import PhasePlan, Rounds, Supply
from gapless.recipe import Recipe, arms, decode
from gapless.records.stretches import Stretch
from gapless.workflow.early_decay import check_early_decay, end_token
from gapless.workflow.going_on import kept_steps, trunks
from gapless.workflow.pace import pace_of, rate_of
from gapless.workflow.rate_search import Range, search_recipe

WSD = {"type": "wsd", "warmup": 200, "warmup_from": 0.5, "decay": 400, "final": 0.2}
INFINITE = {
    "type": "infinite",
    "warmup": 200,
    "warmup_from": 0.5,
    "cooldown": 100,
    "constant": 0.4,
    "decay": "20%",
    "final": 0.1,
}


def recipe(arms: dict[str, Any] | None = None, **training: Any) -> Recipe:
    """A run of 2,000 tokens in steps of 100 and rows of 20."""
    return decode(
        {
            "name": "early",
            "model": {"type": "pretrained", "path": "base"},
            "sources": {"law": {"role": "domain", "path": "law.jsonl"}},
            "order": {"context": 20, "phases": [{"tokens": 1000}, {"tokens": 1000}]},
            "training": {"batch_tokens": 100, "learning_rate": 1e-2, "schedule": WSD} | training,
            "arms": arms or {},
        }
    )


def rates(arm: Recipe, *tokens_seen: int) -> list[float]:
    """The rates of an arm, as parts of the peak."""
    phases = [
        PhasePlan({"law": 1.0}, start, 50, (Stretch.whole(number, {"law": 50}),))
        for number, start in enumerate((0, 50))
    ]
    rate = rate_of(arm, Rounds(phases, arm.order, Supply({"law": "domain"}, {"law": 999}), {}))
    return [rate(token) / 1e-2 for token in tokens_seen]


@pytest.mark.parametrize(
    ("schedule", "begin", "expected"),
    [
        (WSD, None, {0: 0.5, 100: 0.75, 200: 1, 1600: 1, 1700: 0.8, 1900: 0.4, 2000: 0.2}),
        (WSD, 700, {0: 0.5, 100: 0.75, 200: 1, 700: 1, 800: 0.8, 1000: 0.4, 1100: 0.2}),
        (WSD, 750, {200: 1, 700: 1, 800: 0.9, 1000: 0.5, 1100: 0.3, 1150: 0.2}),
        (WSD, 200, {0: 0.5, 100: 0.75, 200: 1, 300: 0.8, 400: 0.6, 600: 0.2}),
        (WSD, 1600, {200: 1, 1600: 1, 1700: 0.8, 1900: 0.4, 2000: 0.2}),
        (WSD | {"shape": "1-sqrt"}, 700, {700: 1, 800: 0.6, 1100: 0.2}),
        (INFINITE, None, {100: 0.75, 250: 0.7, 300: 0.4, 1600: 0.4, 1800: 0.2, 2000: 0.1}),
        (INFINITE, 700, {100: 0.75, 250: 0.7, 300: 0.4, 700: 0.4, 900: 0.2, 1100: 0.1}),
    ],
)
def test_the_rates_are_those_of_the_table(
    schedule: dict[str, Any], begin: int | None, expected: dict[int, float]
) -> None:
    arm = recipe(schedule=schedule, decay_from=begin)
    assert rates(arm, *expected) == pytest.approx(list(expected.values()), rel=1e-12)


@pytest.mark.parametrize("schedule", [WSD, INFINITE, WSD | {"decay": "15%", "warmup": "7%"}])
def test_until_the_decay_the_rates_are_the_same_to_the_bit(schedule: dict[str, Any]) -> None:
    whole, early = recipe(schedule=schedule), recipe(schedule=schedule, decay_from=777)
    tokens = range(0, 778, 7)
    assert rates(whole, *tokens) == rates(early, *tokens)
    assert rates(whole, 800) > rates(early, 800)


@pytest.mark.parametrize(
    ("schedule", "begin", "end"),
    [
        (WSD, None, 2000),
        (WSD, 700, 1100),
        (WSD, 715, 1100),  # 1,115, in whole rows
        (WSD, 1600, 2000),
        (WSD | {"decay": 0.123}, 700, 940),  # 946
        (WSD | {"decay": 0.3}, 700, 1300),  # of the whole order, not of what is left of it
        (INFINITE, 700, 1100),
    ],
)
def test_it_ends_with_its_decay(schedule: dict[str, Any], begin: int | None, end: int) -> None:
    arm = recipe(schedule=schedule, decay_from=begin)
    assert end_token(arm, 2000) == end
    pace = pace_of(arm, 2000)
    assert pace.measured[-1] == pace.saved[-1] == math.ceil(end / 100)
    whole = pace_of(recipe(schedule=schedule), 2000).measured
    assert pace.measured[:-1] == [step for step in whole if step * 100 < end]


def test_a_budget_that_is_rounded_down_to_rows_is_no_mistake() -> None:
    arm = recipe(decay_from=1600)
    for total in (2000, 1980, 1960):
        check_early_decay(arm, total)
        assert end_token(arm, total) == total
    with pytest.raises(RecipeError, match="decay would end at token 2,000, the run at 1,940"):
        check_early_decay(arm, 1940)


def training(**settings: Any) -> dict[str, Any]:
    return {"training": settings}


def test_a_trunk_is_equal_but_for_the_decay_and_decays_last() -> None:
    built = arms(
        recipe(
            {
                "at-500": training(decay_from=500),
                "sharp": training(decay_from=700, schedule={"decay": 100, "shape": "1-sqrt"}),
                "long": {},
                "asynchronous": training(decay_from=600, checkpoints={"asynchronous": True}),
                "hot": training(decay_from=500, learning_rate=0.1),
                "slow": training(decay_from=500, schedule={"warmup": 300}),
                "other-text": {"order": {"packing": "best_fit"}} | training(decay_from=500),
                "seeded": {"seed": 3} | training(decay_from=500),
                "seeded-later": {"seed": 3} | training(decay_from=900),
                "infinite": training(schedule=INFINITE),
                "cosine": training(schedule={"type": "cosine"}),
            }
        )
    )
    assert trunks(built) == {
        "at-500": "long",
        "sharp": "long",
        "asynchronous": "long",
        "seeded": "seeded-later",
    }
    early = {name: built[name] for name in ("at-500", "sharp", "asynchronous")}
    assert kept_steps(built["long"], early, 2000) == {5, 6, 7}
    later = arms(recipe({"late": training(decay_from=1800, schedule={"decay": 150}), "long": {}}))
    assert kept_steps(later["long"], {"late": later["late"]}, 2000) == {16}, "there they part"


def test_a_trunk_refuses_what_could_not_decay_after_it() -> None:
    built = arms(recipe({"long": {}, "early": training(decay_from=1600)}))
    with pytest.raises(RecipeError, match=r"arms.early.training.decay_from: the decay would end"):
        kept_steps(built["long"], {"early": built["early"]}, 1500)


def test_a_search_for_the_rate_knows_of_no_early_decay() -> None:
    searched = search_recipe(recipe(decay_from=700), Range(1e-4, 1e-2, count=2, tokens=2000))
    assert [arm.training.decay_from for arm in arms(searched).values()] == [None, None]
