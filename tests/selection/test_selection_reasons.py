from typing import get_args

import numpy as np
import pytest

from gapless.recipe.selections import (
    BandSelection,
    CombinedSelection,
    Quotas,
    RandomSelection,
    ScoreSelection,
    Selection,
    SoftSelection,
    ThresholdSelection,
    Weighted,
)
from gapless.selection import Pool, describe, explain, select
from gapless.selection.rankings import RANKINGS
from gapless.selection.reasons import WORDS

NAN = float("nan")
WORLD = Pool(
    "law",
    lengths=np.array([10, 20, 30, 40, 50, 60]),
    eligible=np.array([True, True, False, True, True, True]),
    columns={
        "x": np.array([3.0, 1.0, 0.0, 2.0, 5.0, NAN]),
        "topic": np.array(["a", "b", "b", "b", "a", None], dtype=object),
    },
)


def reasons(selection: Selection | None) -> list[str]:
    choice = select(selection, WORLD, seed=0)
    return [explain(selection, WORLD, choice, document) for document in range(6)]


def test_every_type_of_selection_has_a_ranking_and_words() -> None:
    types = set(get_args(get_args(Selection)[0]))
    assert len(types) > 5
    assert set(RANKINGS) == set(WORDS) == types


def test_a_score_says_the_place_and_where_the_budget_ends() -> None:
    assert reasons(ScoreSelection(column="x", tokens=60)) == [
        "not selected: 3rd lowest x (3) of 4; the budget of 60 tokens ends at the 2nd (2)",
        "selected: 1st lowest x (1) of 4; the budget of 60 tokens ends at the 2nd (2)",
        "not selected: not eligible",
        "selected: 2nd lowest x (2) of 4; the budget of 60 tokens ends at the 2nd (2)",
        "not selected: 4th lowest x (5) of 4; the budget of 60 tokens ends at the 2nd (2)",
        "not selected: it has no number in 'x'; 1 of 5 eligible documents are left out for that",
    ]


def test_without_a_selection_all_are_in() -> None:
    all_in = "selected: the source has no selection, so every eligible document is in"
    assert reasons(None) == [all_in] * 2 + ["not selected: not eligible"] + [all_in] * 3


def test_quotas_say_the_label() -> None:
    quotas = Quotas(column="topic", shares={"b": 1})
    assert reasons(ScoreSelection(column="x", keep="highest", tokens=40, quotas=quotas))[:5] == [
        "not selected: no share of the budget is for its topic, 'a'",
        (
            "not selected: 2nd highest x (1) of 2 with topic 'b'; "
            "its quota of 40 tokens ends at the 1st (2)"
        ),
        "not selected: not eligible",
        (
            "selected: 1st highest x (2) of 2 with topic 'b'; "
            "its quota of 40 tokens ends at the 1st (2)"
        ),
        "not selected: no share of the budget is for its topic, 'a'",
    ]
    assert reasons(RandomSelection(tokens=60, quotas=quotas))[3:] == [
        "selected: one of the 2 drawn at random from 2 with topic 'b', to its quota of 60 tokens",
        "not selected: no share of the budget is for its topic, 'a'",
        "not selected: no share of the budget is for its topic, None",
    ]


def test_a_draw_says_from_how_many() -> None:
    selection = RandomSelection(tokens=100)
    choice = select(selection, WORLD, seed=0)
    drawn = (
        f"one of the {len(choice.documents)} drawn at random from 5, to the budget of 100 tokens"
    )
    told = reasons(selection)
    assert 0 < len(choice.documents) < 5
    for document in (0, 1, 3, 4, 5):
        selected = document in choice.documents
        expected = f"selected: {drawn}" if selected else f"not selected: not {drawn}"
        assert told[document] == expected


def test_a_control_says_whose_it_is() -> None:
    selection = ThresholdSelection(column="x", at_least=3, control=True)
    assert reasons(selection)[5].startswith("not selected: it has no number")
    for seed in range(9):
        choice = select(selection, WORLD, seed=seed)
        told = explain(selection, WORLD, choice, 1)
        assert told.endswith("from 4, to the budget of 60 tokens: the control of x at least 3")


def test_a_band_says_where_the_document_stands() -> None:
    band = BandSelection(column="x", high=0.5, tokens=60)
    assert reasons(band)[:2] == [
        "not selected: its x (3) stands at 0.5 of the tokens, outside the band from 0 to 0.5",
        (
            "selected: its x (1) stands at 0 of the tokens, inside the band from 0 to 0.5; "
            "one of the 2 drawn at random from 2, to the budget of 60 tokens"
        ),
    ]


def test_a_threshold_says_its_limits() -> None:
    selection = ThresholdSelection(column="x", at_least=2, at_most=3)
    assert reasons(selection)[:2] == [
        "selected: its x (3) is within the limits: at least 2 and at most 3",
        "not selected: its x (1) is outside the limits: at least 2 and at most 3",
    ]


def test_a_soft_draw_says_the_standard_score() -> None:
    told = reasons(SoftSelection(column="x", temperature=0.5, tokens=120))
    assert told[1] == (
        "selected: one of the 4 drawn at random from 4, to the budget of 120 tokens, in proportion "
        "to exp(z / 0.5); its z is 1.18, as its x is 1"
    )


def test_a_combination_says_the_sum() -> None:
    scores = Weighted(column="x", weight=2), Weighted(column="x")
    told = reasons(CombinedSelection(scores=scores, tokens=50))
    assert told[4] == (
        "selected: 1st highest weighted sum of x, x (4.56383) of 4; "
        "the budget of 50 tokens ends at the 1st (4.56383)"
    )
    assert told[5].startswith("not selected: it has no number in 'x'; 1 of 5")


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (None, "every eligible document"),
        (RandomSelection(tokens="4k"), "at random, to 4,000 tokens"),
        (ScoreSelection(column="x", tokens=9), "the lowest x, to 9 tokens"),
        (
            ScoreSelection(column="x", tokens=9, control=True),
            "at random, the control of the lowest x, to 9 tokens",
        ),
        (
            BandSelection(column="x", low=0.25, tokens=9),
            "x from quantile 0.25 to 1, at random, to 9 tokens",
        ),
        (ThresholdSelection(column="x", at_most=1.5), "x at most 1.5"),
        (
            SoftSelection(column="x", tokens=9, quotas=Quotas(column="t", shares={"a": 1})),
            "at random, the likelier the lower x, to 9 tokens divided by t",
        ),
        (
            CombinedSelection(scores=(Weighted(column="x"), Weighted(column="y")), tokens=9),
            "the highest weighted sum of x, y, to 9 tokens",
        ),
    ],
)
def test_a_selection_in_words(selection: Selection | None, words: str) -> None:
    assert describe(selection) == words


def test_places_agree_with_the_choice_and_read_as_english() -> None:
    rng = np.random.default_rng(0)
    world = Pool(
        "law",
        lengths=rng.integers(1, 9, 150),
        eligible=rng.random(150) < 0.9,
        columns={"x": rng.integers(0, 20, 150) / 4},
    )
    selection = ScoreSelection(column="x", tokens=int(world.lengths[world.eligible].sum()))
    choice = select(selection, world, seed=0)
    places = [
        explain(selection, world, choice, document).split()[1] for document in choice.documents
    ]
    assert len(places) > 111
    assert places[:4] + places[10:13] + places[20:23] + places[110:111] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "111th",
    ]  # fmt: skip
    assert [int(place[:-2]) for place in places] == list(range(1, len(places) + 1))
