"""Every kind of selection in tiny worlds, with exact answers."""

import json
from itertools import permutations
from math import exp, log

import numpy as np
import pytest

from gapless.errors import DataError
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
from gapless.selection import Choice, Pool, select

NAN = float("nan")


def pool(**columns: list[float] | list[str | None]) -> Pool:
    """Return five documents of 10 to 50 tokens, the third of them not eligible."""
    return Pool(
        "law",
        lengths=np.array([10, 20, 30, 40, 50]),
        eligible=np.array([True, True, False, True, True]),
        columns={
            name: np.array(values, dtype=object if name == "topic" else None)
            for name, values in columns.items()
        },
    )


def chosen(selection: Selection | None, seed: int = 0, **columns: list[float]) -> list[int]:
    choice = select(selection, pool(**columns), seed=seed)
    assert choice.documents.dtype == np.int64
    assert choice.tokens == sum([10, 20, 30, 40, 50][i] for i in choice.documents)
    return choice.documents.tolist()


def test_without_a_selection_every_eligible_document_is_in() -> None:
    assert chosen(None) == [0, 1, 3, 4]


def test_lowest_and_highest_scores_to_the_budget() -> None:
    x = [3.0, 1.0, 0.0, 2.0, 5.0]
    assert chosen(ScoreSelection(column="x", tokens=60), x=x) == [1, 3]
    assert chosen(ScoreSelection(column="x", tokens=69), x=x) == [1, 3]
    assert chosen(ScoreSelection(column="x", tokens=70), x=x) == [1, 3, 0]
    assert chosen(ScoreSelection(column="x", keep="highest", tokens=50), x=x) == [4]


def test_a_choice_says_its_cut_and_who_had_no_score() -> None:
    world = pool(x=[3.0, 1.0, NAN, NAN, 5.0])
    choice = select(ScoreSelection(column="x", tokens=31), world, seed=0)
    assert choice.documents.tolist() == [1, 0]
    assert (choice.eligible, choice.unscored, choice.tokens) == (4, 1, 30)
    (portion,) = choice.portions
    assert (portion.label, portion.budget, portion.cut) == (None, 31, 3.0)
    assert (portion.candidates, portion.documents, portion.tokens) == (3, 2, 30)


def test_facts_give_the_choice_back() -> None:
    selection = ScoreSelection(column="x", tokens=30)
    choice = select(selection, pool(x=[1.0] * 5), seed=0)
    back = Choice.from_facts(choice.documents, choice.facts())
    assert back.documents.tolist() == [0, 1]
    assert (back.portions, back.unscored, back.equal) == (choice.portions, 0, ("x",))
    assert back.facts() == choice.facts() == json.loads(json.dumps(choice.facts()))


def test_equal_scores_keep_the_order_of_the_source() -> None:
    for keep in ("lowest", "highest"):
        assert chosen(ScoreSelection(column="x", keep=keep, tokens=120), x=[1.0] * 5) == [
            0,
            1,
            3,
            4,
        ]


def test_nan_and_the_infinities_are_no_scores() -> None:
    for none in (NAN, float("inf"), -float("inf")):
        for keep in ("lowest", "highest"):
            selection = ScoreSelection(column="x", keep=keep, tokens=110)
            assert set(chosen(selection, x=[none, 1.0, 0.0, 2.0, 3.0])) == {1, 3, 4}


def test_whole_numbers_serve_as_scores() -> None:
    world = pool(x=[3, 1, 0, 2, 5])
    assert world.columns["x"].dtype == np.int64
    choice = select(ScoreSelection(column="x", tokens=60), world, seed=0)
    assert choice.documents.tolist() == [1, 3]


def test_a_band_takes_the_documents_whose_first_token_is_inside() -> None:
    # In the order of x, 120 tokens: document 1 begins at 0, 3 at 20, 0 at 60, 4 at 70.
    x = [3.0, 1.0, 0.0, 2.0, 5.0]

    def inside(low: float | str, high: float | str, tokens: int) -> set[int]:
        return set(chosen(BandSelection(column="x", low=low, high=high, tokens=tokens), x=x))

    assert inside(0, 1, 120) == {0, 1, 3, 4}
    assert inside(0, 0.5, 60) == {1, 3}
    assert inside(0.5, 1, 60) == {0, 4}
    assert inside(0, "50.1%", 70) == {0, 1, 3}
    assert inside("0.1%", 0.5, 40) == {3}


def test_a_band_counts_its_quantiles_as_written() -> None:
    # In floating point, 0.07 * 100 tokens is 7.000000000000001.
    world = Pool(
        "law",
        lengths=np.ones(100, dtype=np.int64),
        eligible=np.ones(100, dtype=np.bool_),
        columns={"x": np.arange(100.0)},
    )
    choice = select(BandSelection(column="x", low=0.07, high=0.29, tokens=22), world, seed=0)
    assert sorted(choice.documents.tolist()) == list(range(7, 29))


def test_a_band_is_drawn_at_random() -> None:
    x = [3.0, 1.0, 0.0, 2.0, 5.0]
    orders = {tuple(chosen(BandSelection(column="x", tokens=120), seed, x=x)) for seed in range(50)}
    assert len(orders) > 10


def test_a_band_that_no_document_begins_in_says_so() -> None:
    selection = BandSelection(column="x", low=0.6, high=0.7, tokens=10)
    with pytest.raises(DataError, match=r"begins between 0\.6 and 0\.7 of its 120 tokens"):
        chosen(selection, x=[3.0, 1.0, 0.0, 2.0, 5.0])


def test_a_threshold_takes_all_within_its_limits() -> None:
    x = [3.0, 1.0, 0.0, 2.0, 5.0]
    assert chosen(ThresholdSelection(column="x", at_most=2), x=x) == [1, 3]
    assert chosen(ThresholdSelection(column="x", at_least=2), x=x) == [0, 3, 4]
    assert chosen(ThresholdSelection(column="x", at_least=2, at_most=3), x=x) == [0, 3]
    with pytest.raises(DataError, match="it goes from 1 to 5"):
        chosen(ThresholdSelection(column="x", at_most=0.5), x=x)


def test_combined_scores_are_standardised_and_weighted() -> None:
    # Among documents 0, 1, 3, 4: a is -1, -1, 1, 1 in standard deviations, b is -1, 1, -1, 1.
    a, b = [10.0, 10.0, 99.0, 20.0, 20.0], [0.5, 0.7, -9.0, 0.5, 0.7]

    def order(*scores: Weighted) -> list[int]:
        return chosen(CombinedSelection(scores=scores, tokens=120), a=a, b=b)

    both = Weighted(column="a"), Weighted(column="b", weight=0.5)
    assert order(*both) == [4, 3, 1, 0]
    assert order(Weighted(column="a", weight=-1), both[1]) == [1, 0, 4, 3]
    assert order(Weighted(column="a"), Weighted(column="b", weight=-2)) == [3, 0, 4, 1]
    choice = select(CombinedSelection(scores=both, tokens=60), pool(a=a, b=b), seed=0)
    assert choice.documents.tolist() == [4]
    assert choice.portions[0].cut == pytest.approx(1.5)


def test_a_logarithm_brings_an_outlier_nearer() -> None:
    a, b = [1.0, 10.0, 0.0, 100.0, 1e6], [3.0, 2.0, 0.0, 1.9, 1.0]

    def cut(*, log_a: bool) -> float | None:
        scores = Weighted(column="a", log=log_a), Weighted(column="b", weight=0)
        choice = select(CombinedSelection(scores=scores, tokens=50), pool(a=a, b=b), seed=0)
        assert choice.documents.tolist() == [4]
        return choice.portions[0].cut

    logs = np.array([log(value) for value in (1, 10, 100, 1e6)])
    assert cut(log_a=True) == pytest.approx((logs[-1] - logs.mean()) / logs.std())
    assert cut(log_a=False) == pytest.approx(3**0.5, rel=1e-3)


def test_a_document_lacking_one_of_the_scores_is_left_out_and_counted() -> None:
    scores = Weighted(column="a", log=True), Weighted(column="b")
    world = pool(a=[1.0, 0.0, 1.0, -3.0, 2.0], b=[NAN, 1.0, 1.0, 1.0, 2.0])
    choice = select(CombinedSelection(scores=scores, tokens=50), world, seed=0)
    assert (choice.documents.tolist(), choice.unscored) == ([4], 3)
    assert choice.equal == ("a", "b")
    world = pool(a=[1.0, 0.0, 1.0, -3.0, 0.0], b=[NAN, 1.0, 1.0, 1.0, 2.0])
    with pytest.raises(DataError, match="number above 0, to take the logarithm of, in all of 'a'"):
        select(CombinedSelection(scores=scores, tokens=50), world, seed=0)


def test_a_column_that_is_the_same_for_all_adds_nothing() -> None:
    a, b = [0.1] * 5, [3.0, 1.0, 0.0, 2.0, 5.0]
    scores = Weighted(column="a", weight=100), Weighted(column="b")
    world = pool(a=a, b=b)
    choice = select(CombinedSelection(scores=scores, tokens=120), world, seed=0)
    assert choice.documents.tolist() == [4, 0, 3, 1]
    assert choice.equal == ("a",)


def test_scores_near_the_largest_float_can_be_combined() -> None:
    a = [1e308, -1e308, 0.0, 1.7e308, 0.0]
    assert chosen(CombinedSelection(scores=(Weighted(column="a"),), tokens=120), a=a) == [
        3,
        0,
        4,
        1,
    ]


def inclusion_probabilities(odds: list[float], count: int) -> list[float]:
    """Draw ``count`` one after another in proportion to ``odds``: the chance of each to be in."""
    chances = [0.0] * len(odds)
    for order in permutations(range(len(odds)), count):
        chance, rest = 1.0, sum(odds)
        for i in order:
            chance *= odds[i] / rest
            rest -= odds[i]
        for i in order:
            chances[i] += chance
    return chances


@pytest.mark.parametrize(("keep", "temperature"), [("lowest", 1.0), ("highest", 0.5)])
def test_soft_draws_are_in_proportion(keep: str, temperature: float) -> None:
    x = np.array([3.0, 1.0, 2.5, 2.0, 5.0])
    z = (x - x.mean()) / x.std() * (1 if keep == "highest" else -1)
    expected = inclusion_probabilities([exp(value / temperature) for value in z], count=2)
    world = Pool(
        "law",
        lengths=np.full(5, 7),
        eligible=np.ones(5, dtype=np.bool_),
        columns={"x": x},
    )
    selection = SoftSelection(column="x", keep=keep, temperature=temperature, tokens=14)
    trials, counts = 3000, np.zeros(5)
    for seed in range(trials):
        counts[select(selection, world, seed=seed).documents] += 1
    assert counts.sum() == 2 * trials
    for count, chance in zip(counts, expected, strict=True):
        assert abs(count / trials - chance) < 4 * (chance * (1 - chance) / trials) ** 0.5
    assert max(expected) - min(expected) > 0.3


def test_soft_draws_go_from_the_best_scores_to_random_with_the_temperature() -> None:
    x = [3.0, 1.0, 0.0, 2.0, 5.0]
    cold = SoftSelection(column="x", temperature=1e-9, tokens=120)
    hot = SoftSelection(column="x", temperature=1e6, tokens=120)
    assert {tuple(chosen(cold, seed, x=x)) for seed in range(20)} == {(1, 3, 0, 4)}
    assert {chosen(hot, seed, x=x)[0] for seed in range(40)} == {0, 1, 3, 4}


def test_draws_depend_on_the_seed_and_the_source_alone() -> None:
    def drawn(source: str, seed: int, selection: Selection, documents: int = 200) -> list[int]:
        world = Pool(
            source,
            lengths=np.full(documents, 5),
            eligible=np.ones(documents, dtype=np.bool_),
            columns={"x": np.arange(documents, dtype=np.float64)},
        )
        return select(selection, world, seed=seed).documents.tolist()

    for selection in (RandomSelection(tokens=500), SoftSelection(column="x", tokens=500)):
        assert drawn("law", 0, selection) == drawn("law", 0, selection)
        assert drawn("law", 0, selection) != drawn("law", 1, selection)
        assert drawn("law", 0, selection) != drawn("wiki", 0, selection)
        assert len(set(drawn("law", 0, selection))) == 100
    everything = drawn("law", 0, RandomSelection(tokens=1000))
    more = drawn("law", 0, RandomSelection(tokens=1500), documents=300)
    assert [document for document in more if document < 200] == everything


def test_a_control_has_as_many_tokens_of_the_same_documents() -> None:
    lengths = np.arange(1, 101)
    world = Pool(
        "law",
        lengths=lengths,
        eligible=np.arange(100) % 10 != 0,
        columns={"x": np.where(np.arange(100) % 10 == 1, NAN, np.arange(100.0))},
    )
    for scored in (
        ScoreSelection(column="x", tokens=1000),
        ThresholdSelection(column="x", at_most=45),
        BandSelection(column="x", low=0.2, high=0.6, tokens=1000),
        SoftSelection(column="x", tokens=1000),
        CombinedSelection(scores=(Weighted(column="x"),), tokens=1000),
    ):
        tokens = select(scored, world, seed=1).tokens
        control = select(scored.model_copy(update={"control": True}), world, seed=1)
        assert control.portions[0].budget == tokens
        assert control.portions[0].cut is None
        assert not set(control.documents % 10) & {0, 1}
        everything = select(ThresholdSelection(column="x", at_least=0), world, seed=1)
        assert control.portions[0].candidates == len(everything.documents) == 80
        assert tokens - 100 < control.tokens <= tokens
        assert control.documents.mean() > 30  # not the lowest, which end near document 45


def test_a_control_too_small_for_the_first_document_drawn_says_so() -> None:
    selection = ScoreSelection(column="x", tokens=10, control=True)
    caught = []
    for seed in range(10):
        try:
            assert chosen(selection, seed, x=[1.0, 2.0, 3.0, 4.0, 5.0]) == [0]
        except DataError as error:
            caught.append(error.where)
    assert set(caught) == {"selection.law.control"}


def test_quotas_divide_the_budget_over_labels() -> None:
    x, topic = [3.0, 1.0, 0.0, 2.0, 5.0], ["a", "b", "b", "b", "a"]
    quotas = Quotas(column="topic", shares={"b": 0.5, "a": 0.5})
    world = pool(x=x, topic=topic)  # type: ignore[arg-type]
    choice = select(ScoreSelection(column="x", tokens=120, quotas=quotas), world, seed=0)
    assert choice.documents.tolist() == [1, 3, 0, 4]
    choice = select(ScoreSelection(column="x", tokens=80, quotas=quotas), world, seed=0)
    assert choice.documents.tolist() == [1, 0]
    b, a = choice.portions
    assert (b.label, b.budget, b.candidates, b.documents, b.tokens, b.cut) == ("b", 40, 2, 1, 20, 1)
    assert (a.label, a.budget, a.candidates, a.documents, a.tokens, a.cut) == ("a", 40, 2, 1, 10, 3)
    assert choice.tokens == 30


def test_documents_with_another_label_or_none_are_not_chosen() -> None:
    quotas = Quotas(column="topic", shares={"a": 1, "c": 0})
    for texts in (["a", "c", "a", None, "a"], ["a", "c", "a", NAN, "a"]):
        world = pool(topic=texts)  # type: ignore[arg-type]
        choice = select(RandomSelection(tokens=60, quotas=quotas), world, seed=0)
        assert sorted(choice.documents.tolist()) == [0, 4]
    world = Pool(
        "law",
        lengths=np.array([1, 1]),
        eligible=np.array([True, True]),
        columns={"topic": np.array(["b", "a"])},
    )
    choice = select(RandomSelection(tokens=1, quotas=quotas), world, seed=0)
    assert choice.documents.tolist() == [1]


def test_a_control_keeps_the_quotas() -> None:
    topic = ["a", "b"] * 50
    world = Pool(
        "law",
        lengths=np.full(100, 3),
        eligible=np.ones(100, dtype=np.bool_),
        columns={"x": np.arange(100.0), "topic": np.array(topic, dtype=object)},
    )
    quotas = Quotas(column="topic", shares={"a": 0.75, "b": 0.25})
    selection = ScoreSelection(column="x", tokens=60, quotas=quotas, control=True)
    choice = select(selection, world, seed=3)
    assert [portion.tokens for portion in choice.portions] == [45, 15]
    assert sum(choice.documents % 2 == 0) == 15
    assert choice.documents.max() > 40


def raised(selection: Selection, world: Pool) -> DataError:
    with pytest.raises(DataError) as caught:
        select(selection, world, seed=0)
    return caught.value


def test_a_budget_beyond_the_source_says_what_there_is() -> None:
    error = raised(RandomSelection(tokens=121), pool())
    assert "120 tokens to choose from, fewer than the 121" in error.what
    assert error.where == "selection.law.tokens"
    assert error.mend is not None
    assert "at most 120 tokens," in error.mend


def test_a_budget_below_one_document_says_so() -> None:
    error = raised(RandomSelection(tokens=5), pool())
    assert "not one document of source 'law' fits a budget of 5 tokens" in error.what
    assert error.where == "selection.law.tokens"


def test_a_column_without_a_number_says_so() -> None:
    error = raised(ScoreSelection(column="x", tokens=5), pool(x=[NAN] * 5))
    assert error.what == "no document of 'law' has a number in column 'x'"
    assert error.where == "selection.law.column"


def test_a_column_of_the_wrong_kind_says_so() -> None:
    topic = ["a", "b", "b", None, "a"]
    error = raised(ScoreSelection(column="topic", tokens=5), pool(topic=topic))
    assert error.what == "column 'topic' of 'law' holds labels, not numbers"
    assert error.where == "selection.law.column"
    combined = CombinedSelection(scores=(Weighted(column="topic"),), tokens=5)
    assert raised(combined, pool(topic=topic)).where == "selection.law.scores"
    quotas = Quotas(column="x", shares={"a": 1})
    for numbers in ([1.0] * 5, [1] * 5):
        error = raised(RandomSelection(tokens=5, quotas=quotas), pool(x=numbers))
        assert error.what == "column 'x' of 'law' holds numbers, not labels"
        assert error.where == "selection.law.quotas.column"


def test_a_label_that_no_document_has_is_named_with_those_there_are() -> None:
    quotas = Quotas(column="topic", shares={"a": 0.5, "c": 0.5})
    error = raised(
        RandomSelection(tokens=20, quotas=quotas), pool(topic=["a", "b", "c", None, "b"])
    )
    assert error.what == "no document of 'law' to choose from has the topic 'c'"
    assert error.where == "selection.law.quotas.shares.c"
    assert error.mend == "The source has: b, a."


def test_a_label_with_too_few_tokens_is_named_with_the_budget_that_would_do() -> None:
    world = pool(topic=["a", "b", "b", "b", "a"])
    quotas = Quotas(column="topic", shares={"a": 0.8, "b": 0.2})
    error = raised(RandomSelection(tokens=100, quotas=quotas), world)
    assert error.what == (
        "source 'law' with topic 'a' has 60 tokens to choose from, fewer than the 80 asked for"
    )
    assert error.where == "selection.law.quotas.shares.a"
    assert error.mend is not None
    assert "at most 75 tokens in all" in error.mend
    quotas = Quotas(column="topic", shares={"a": 0.5, "b": 0.5})
    assert (
        "'a' fits a budget of 1 t" in raised(RandomSelection(tokens=2, quotas=quotas), world).what
    )


def test_a_source_without_an_eligible_document_says_so() -> None:
    world = Pool("law", lengths=np.array([1]), eligible=np.array([False]))
    error = raised(RandomSelection(tokens=1), world)
    assert error.what == "no document of 'law' is left to choose from"
    assert not len(select(None, world, seed=0).documents)


def test_sums_of_tokens_go_beyond_32_bits() -> None:
    world = Pool(
        "law",
        lengths=np.full(4, 2**40),
        eligible=np.ones(4, dtype=np.bool_),
        columns={"x": np.arange(4.0)},
    )
    choice = select(ScoreSelection(column="x", tokens=3 * 2**40), world, seed=0)
    assert choice.tokens == 3 * 2**40
