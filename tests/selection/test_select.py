import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.recipe.schema import RandomSelection, ScoreSelection, Selection
from gapless.selection import select

LENGTHS = np.array([10, 20, 30, 40, 50])
HELD_OUT = np.array([False, False, True, False, False])


def choose(
    selection: Selection | None,
    scores: list[float] | None = None,
    seed: int = 0,
    source: str = "law",
) -> list[int]:
    values = None if scores is None else np.array(scores)
    return select(
        selection, source=source, lengths=LENGTHS, held_out=HELD_OUT, scores=values, seed=seed
    ).tolist()


def test_without_a_selection_everything_but_the_held_out_stays() -> None:
    assert choose(None) == [0, 1, 3, 4]


def test_lowest_and_highest_scores_to_the_budget() -> None:
    scores = [3.0, 1.0, 0.0, 2.0, 5.0]
    assert choose(ScoreSelection(column="x", tokens=60), scores) == [1, 3]
    assert choose(ScoreSelection(column="x", tokens=69), scores) == [1, 3]
    assert choose(ScoreSelection(column="x", tokens=70), scores) == [1, 3, 0]
    assert choose(ScoreSelection(column="x", keep="highest", tokens=50), scores) == [4]


def test_equal_scores_keep_the_order_of_the_source() -> None:
    for keep in ("lowest", "highest"):
        selection = ScoreSelection(column="x", keep=keep, tokens=120)
        assert choose(selection, [1.0] * 5) == [0, 1, 3, 4]


def test_a_document_without_a_score_is_never_chosen() -> None:
    selection = ScoreSelection(column="x", tokens=30)
    assert choose(selection, [float("nan"), 1.0, 0.0, 2.0, 3.0]) == [1]
    with pytest.raises(DataError, match="no document of 'law' has a number in column 'x'"):
        choose(selection, [float("nan")] * 5)


@given(st.integers(10, 120), st.integers(10, 120), st.integers(0, 99))
def test_a_smaller_random_selection_is_nested_in_a_larger(one: int, other: int, seed: int) -> None:
    def chosen(budget: int) -> list[int]:
        try:
            return choose(RandomSelection(tokens=budget), seed=seed)
        except DataError:
            return []  # the first document drawn does not fit

    small, large = chosen(min(one, other)), chosen(max(one, other))
    assert large[: len(small)] == small
    assert LENGTHS[large].sum() <= max(one, other)


def test_random_selections_depend_on_the_seed_and_the_source() -> None:
    lengths = np.full(200, 5)

    def chosen(**names: object) -> list[int]:
        fixed = {"source": "law", "seed": 0} | names
        return select(
            RandomSelection(tokens=500),
            lengths=lengths,
            held_out=np.zeros(200, dtype=bool),
            scores=None,
            **fixed,  # type: ignore[arg-type]
        ).tolist()

    assert chosen() == chosen()
    assert chosen() != chosen(seed=1)
    assert chosen() != chosen(source="wiki")
    assert len(set(chosen())) == 100


def test_a_budget_beyond_the_source_says_what_there_is() -> None:
    with pytest.raises(DataError, match="120 tokens to choose from, fewer than the 121") as caught:
        choose(RandomSelection(tokens=121))
    assert caught.value.where == "selection.law.tokens"


def test_a_budget_below_one_document_says_so() -> None:
    with pytest.raises(DataError, match="not one document of 'law' fits a budget of 5 tokens"):
        choose(RandomSelection(tokens=5))
