"""When each probe of a recipe is asked, what that costs, and how a budget is kept."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import RecipeError
from gapless.evaluation import ProbeItems, Question, asked_tokens
from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.recipe import Recipe, decode
from gapless.workflow.arm import _probing_part
from gapless.workflow.pace import Pace, pace_of
from gapless.workflow.pace_words import measuring_share, measuring_words
from gapless.workflow.probe_costs import Asking, costs_of_probes
from gapless.workflow.probe_names import owners, probe_names
from gapless.workflow.rate_search import Range, search_recipe
from gapless.workflow.time_spent import measuring_time_words, shares_of_time

TOTAL = 4000
"""Tokens of the runs here: 40 steps of 100."""
LOSS = {"type": "bits_per_byte"}
EXAM = {"type": "multiple_choice", "name": "exam", "path": "e.jsonl", "role": "domain"}
PERPLEXITY = {"type": "perplexity"}


def recipe(*probes: dict[str, Any], **probing: Any) -> Recipe:
    return decode(
        {
            "name": "tiny",
            "model": {"type": "pretrained", "path": "base"},
            "sources": {
                "law": {"role": "domain", "path": "law.jsonl", "held_out": 0.1},
                "web": {"role": "general", "path": "web.jsonl", "held_out": 0.1},
            },
            "order": {"context": 50, "phases": [{"epochs": 2}]},
            "training": {
                "batch_tokens": 100,
                "learning_rate": 1e-3,
                "checkpoints": {"every": 1000},
            },
            "probing": {"every": 400, "probes": list(probes or (LOSS,))} | probing,
        }
    )


def steps_of(pace: Pace, number: int) -> list[int]:
    return [step for step, asked in pace.asked.items() if number in asked]


def test_without_settings_of_their_own_all_probes_are_asked_at_all_points() -> None:
    pace = pace_of(recipe(LOSS, EXAM), TOTAL)
    assert list(pace.asked) == [1, 3, 7, 10, 11, 15, 19, 20, 23, 27, 30, 31, 35, 39, 40]
    assert set(pace.asked.values()) == {frozenset({0, 1})}
    assert pace.saved == [10, 20, 30, 40]
    assert pace.due(1000) == pace.due(4000) == {0, 1}


def test_a_rare_probe_is_asked_at_multiples_of_its_distance_where_others_are() -> None:
    pace = pace_of(recipe(LOSS, EXAM | {"every": 1600}), TOTAL)
    assert steps_of(pace, 0) == list(pace_of(recipe(LOSS), TOTAL).asked)
    assert steps_of(pace, 1) == [15, 31, 40]  # 16 and 32
    assert pace.due(1500) == {0, 1}
    assert pace.due(100) == {0}


def test_a_probe_may_be_more_frequent_than_the_others() -> None:
    pace = pace_of(recipe(LOSS | {"every": 200}, EXAM), TOTAL)
    assert steps_of(pace, 0) == sorted({1, *range(3, 40, 2), 10, 20, 30, 40})
    assert set(steps_of(pace, 1)) < set(steps_of(pace, 0))
    assert steps_of(pace, 1) == [1, 3, 7, 10, 11, 15, 19, 20, 23, 27, 30, 31, 35, 39, 40]


def test_the_most_frequent_of_rare_probes_has_the_dense_beginning() -> None:
    pace = pace_of(recipe(LOSS | {"every": 800}, EXAM | {"every": 1600}), TOTAL)
    assert steps_of(pace, 0)[:3] == [1, 3, 7]
    assert steps_of(pace, 1) == [15, 31, 40]


def test_perplexities_are_asked_whenever_a_mixture_is_read() -> None:
    arm, rows = recipe(LOSS, PERPLEXITY | {"every": 3200}, EXAM | {"every": 3200}), (0, 10, 26, 60)
    pace = pace_of(arm, TOTAL, rows)
    assert steps_of(pace, 1) == [5, 13, 30, 31, 40]  # two rows are a step
    assert steps_of(pace, 2) == [31, 40]
    assert {5, 13} < set(steps_of(pace, 0))
    budget = pace_of(
        recipe(LOSS, PERPLEXITY, EXAM, budget="1%"), TOTAL, rows, costs=[99.0, 99.0, 99.0]
    )
    assert budget.asked == {5: {1}, 13: {1}, 30: {1}, 40: {0, 1, 2}}


@given(
    every=st.lists(st.none() | st.integers(1, 5000), min_size=3, max_size=3),
    first=st.none() | st.integers(1, 1000),
    costs=st.lists(st.integers(0, 400), min_size=3, max_size=3),
    budgets=st.tuples(st.floats(1e-3, 1), st.floats(1e-3, 1)),
    readings=st.sets(st.integers(0, 79), max_size=4),
)
def test_what_holds_of_every_recipe(
    every: list[int | None],
    first: int | None,
    costs: list[int],
    budgets: tuple[float, float],
    readings: set[int],
) -> None:
    probes = [
        each | {"every": own} for each, own in zip((LOSS, PERPLEXITY, EXAM), every, strict=True)
    ]
    rows = sorted(row // 2 * 2 for row in readings)
    free = pace_of(recipe(*probes, first=first), TOTAL, rows)
    assert list(free.asked) == sorted(free.asked)
    assert free.asked[40] == {0, 1, 2}
    assert all(1 in free.asked[row // 2] for row in rows if row)
    own = [each or 400 for each in every]
    usual = max(400, min(own))
    dense = [number for number in range(3) if own[number] <= usual]
    finest = min(dense, key=own.__getitem__)
    for number in set(range(3)) - set(dense) - {1}:
        assert set(steps_of(free, number)) <= set(steps_of(free, finest))
    kept = {
        budget: pace_of(recipe(*probes, first=first, budget=budget), TOTAL, rows, costs=costs)
        for budget in budgets
    }
    small, large = (kept[budget] for budget in sorted(budgets))
    for number in range(3):
        fewer, more, all_ = (set(steps_of(pace, number)) for pace in (small, large, free))
        assert {40} <= fewer <= more <= all_
    for budget, pace in kept.items():
        ended = all(
            len(steps_of(pace, number)) == 1 or number == 1 or not costs[number]
            for number in range(3)
        )
        assert measuring_share(pace, costs, TOTAL) <= budget or ended


def test_an_arm_that_decays_early_shares_the_points_of_the_whole_run() -> None:
    probes = (LOSS, EXAM | {"every": 800})
    schedule = {"type": "wsd", "warmup": 0, "decay": 400}
    tree = recipe(*probes, budget="20%").model_dump()
    tree["training"]["schedule"] = schedule
    whole = decode(tree)
    tree["training"]["decay_from"] = 2200
    early = decode(tree)
    full, part = (pace_of(arm, TOTAL, costs=[60.0, 90.0]) for arm in (whole, early))
    assert not all(each.is_as_wanted for each in full.probes)  # guard: something is stretched
    assert list(part.asked)[-1] == 26
    for number in (0, 1):
        own = [step for step in steps_of(full, number) if step < 26]
        assert steps_of(part, number) == [*own, 26]


def test_a_plan_says_what_measuring_takes_and_what_the_budget_changes() -> None:
    arm = recipe(LOSS, EXAM | {"every": 800})
    pace = pace_of(arm, TOTAL)
    # 15 points and the base of the one, 5 points and the base of the other.
    assert measuring_share(pace, [10.0, 50.0], TOTAL) == 460 / 4460
    assert measuring_words(arm, pace, [10.0, 50.0], TOTAL) == "measuring: 10.3% of the run's FLOPs"
    told = measuring_words(arm, pace, [10.0, 50.0], TOTAL, exact=False)
    assert told == "measuring: about 10.3% of the run's FLOPs"

    def words(budget: str, *costs: float) -> str:
        kept = recipe(LOSS, EXAM | {"every": 800}, budget=budget)
        return measuring_words(kept, pace_of(kept, TOTAL, costs=costs), costs, TOTAL)

    assert words("20%", 10, 50) == "measuring: 10.3% of the run's FLOPs, in the budget of 20%"
    assert words("9%", 10, 50) == (
        "measuring: 8.3% of the run's FLOPs; `exam` every 1.6k tokens instead of 800, to stay in "
        "the budget of 9%"
    )
    assert words("1%", 10, 50) == (
        "measuring: 2.9% of the run's FLOPs, more than the budget of 1%: `bits_per_byte` on the "
        "base and at the end only; `exam` on the base and at the end only; fewer items would take "
        "less"
    )
    assert "`bits_per_byte` every 400 tokens, not whenever the state is saved" in words(
        "9.5%", 30, 1
    )
    assert "`bits_per_byte` at 6 points only" in words("5%", 25, 1)


@pytest.mark.parametrize(
    ("probing", "where"),
    [
        ({"budget": 0}, "probing.budget"),
        ({"budget": -0.1}, "probing.budget"),
        ({"budget": "110%"}, "probing.budget"),
        ({"probes": [LOSS | {"every": 0}]}, "probing.probes[0].every"),
        ({"probes": [LOSS, EXAM | {"every": "often"}]}, "probing.probes[1].every"),
    ],
)
def test_mistakes_are_told_at_their_place(probing: dict[str, Any], where: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(**probing)
    assert where in str(caught.value)


def test_trainings_of_before_there_was_a_budget_are_the_same() -> None:
    assert _probing_part(recipe(LOSS, EXAM)) == {"every": 400, "first": None}
    assert _probing_part(recipe(LOSS, EXAM | {"every": 800}, budget=0.1)) == {
        "every": 400,
        "first": None,
        "budget": 0.1,
        "of_probes": [None, 800],
    }


def test_a_search_of_rates_measures_at_both_ends_alone() -> None:
    arm = recipe(LOSS, EXAM | {"every": 800}, budget="1%")
    probing = search_recipe(arm, Range(1e-4, 1e-3, 2)).probing
    assert probing.budget is None
    assert [probe.every for probe in probing.probes] == [None, None]
    assert [probe.type for probe in probing.probes] == ["bits_per_byte", "multiple_choice"]


def test_probes_are_called_so_that_no_two_are_alike() -> None:
    suite = {"type": "suite", "name": "medical"}
    harness = {"type": "harness", "role": "general"}
    named = probe_names(
        recipe(
            LOSS,
            PERPLEXITY,
            EXAM,
            {"type": "task", "path": "tasks/drug_effects"},
            suite | {"tasks": ["one"]},
            suite | {"tasks": ["two"], "every": "2M"},
            harness | {"tasks": ["arc_easy"]},
            harness | {"tasks": [{"task": "boolq", "shots": 1}, "piqa", "sciq"]},
            harness | {"suite": "syne_english"},
        )
    )
    assert named == [
        "bits_per_byte",
        "perplexity",
        "exam",
        "drug_effects",
        "medical",
        "medical (2)",
        "arc_easy",
        "boolq and 2 more",
        "syne_english",
    ]


def test_measurements_are_of_the_probe_that_asks_them(tmp_path: Path) -> None:
    """Labels that one score is known not to give are not its probe's."""
    tree = recipe(LOSS, EXAM).model_dump()
    tree["probing"]["probes"] = [
        EXAM,
        PERPLEXITY | {"by": "language"},
        PERPLEXITY | {"by": "tongue"},
        PERPLEXITY,
        LOSS,
    ]
    tree["scores"] = {
        "language": {"type": "language", "among": ["en", "zh"], "sources": ["web"]},
        "tongue": {"type": "language", "sources": ["web"]},
    }
    arm = decode(tree)
    names = [
        ("law", "bits_per_byte", (4,)),
        ("exam", "multiple_choice", (0,)),
        ("web/en", "perplexity", (1, 2)),  # whose, only the documents could tell
        ("web/long", "perplexity", (2,)),
        ("law/all", "perplexity", (1,)),  # no label of law: the first perplexity takes it whole
    ]
    probes: list[Any] = [
        ProbeItems(name=name, role="domain", kind=kind, items=())  # type: ignore[arg-type]
        for name, kind, _ in names
    ]
    assert owners(arm, tmp_path, probes) == {name: numbers for name, _, numbers in names}


def letters(texts: Any) -> list[int]:
    return [len(text) for text in texts]


def test_tokens_are_counted_with_the_prefix_and_for_every_choice() -> None:
    texts = ProbeItems(name="law", role="domain", kind="bits_per_byte", items=("abc", "de"))
    assert asked_tokens(texts, letters) == (4 + 3, 0)
    questions = ProbeItems(
        name="exam",
        role="domain",
        kind="multiple_choice",
        items=(Question("ab", ("c", "def"), 0),),
    )
    assert asked_tokens(questions, letters) == ((1 + 4) + (1 + 6), 0)


@pytest.mark.parametrize(
    ("kind", "new", "expected"),
    [
        ("multiple_choice", 0, ((1 + 3 + 2 + 2) + (1 + 3 + 2 + 3), 0)),
        ("cloze", 0, (1 + 3 + 2 + 2, 0)),
        ("generation", 7, (1 + 3 + 2, 7)),
    ],
)
def test_tokens_of_a_task_are_those_of_shots_prompt_and_answers(
    kind: Any, new: int, expected: tuple[int, int]
) -> None:
    item = TaskItem(
        line=1,
        prompt="ab",
        text="ab",
        answers=("c",),
        choices=("c", "de") if kind == "multiple_choice" else (),
    )
    settings = TaskSettings(kind=kind, metrics=(), file="f", shots="xyz", max_new_tokens=new)
    task = ProbeItems(name="t", role="domain", kind="task", items=(item,), task=settings)
    assert asked_tokens(task, letters) == expected


def test_a_token_written_costs_four_read_and_training_three_passes() -> None:
    askings = [
        Asking(probe=1, read=30),
        Asking(probe=1, read=3, written=6),
        Asking(probe=0, read=3),
    ]
    assert costs_of_probes(recipe(LOSS, EXAM), askings) == [1.0, 10.0 + 1.0 + 8.0]


def row(what: str | None, seconds: float, **parts: float) -> dict[str, Any]:
    own = {"what": what} if what else {}
    return own | {"tokens_seen": 1, "seconds": seconds} | ({"parts": parts} if parts else {})


def test_the_time_of_measuring_is_shared_out_over_its_probes() -> None:
    rows = [
        row(None, 6.0),
        row("measuring", 1.0, law=0.4, exam=0.5),
        row("measuring", 0.5, law=0.5),
        row("watching", 2.0, drift=2.0),
        row("saving", 0.5),
        {"tokens_seen": 0, "matrix_flops_per_second": 1e9},
    ]
    assert shares_of_time(rows) == {
        "measuring": (0.15, {"law": 0.09, "exam": 0.05}),
        "watching": (0.2, {"drift": 0.2}),
        "saving": (0.05, {}),
    }
    assert measuring_time_words(rows) == "measuring took 15.0% (law 9.0%, exam 5.0%) of the time"
    assert measuring_time_words([row(None, 6.0)]) == measuring_time_words([]) == ""
    many = row("measuring", 10.0, **{f"p{n}": 10.0 - n for n in range(9)})
    assert ", 3 more 90.0%)" in measuring_time_words([many])
