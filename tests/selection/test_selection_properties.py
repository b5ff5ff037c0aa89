"""What holds of every budgeted selection, in random worlds."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.recipe.selections import (
    BandSelection,
    CombinedSelection,
    Quotas,
    RandomSelection,
    ScoreSelection,
    SoftSelection,
    Weighted,
)
from gapless.selection import Choice, Pool, select

Kind = RandomSelection | ScoreSelection | BandSelection | SoftSelection | CombinedSelection
KINDS: list[Kind] = [
    RandomSelection(tokens=1),
    ScoreSelection(column="x", tokens=1),
    ScoreSelection(column="x", keep="highest", tokens=1),
    BandSelection(column="x", high=0.7, tokens=1),
    BandSelection(column="x", low=0.2, tokens=1),
    SoftSelection(column="x", temperature=0.5, tokens=1),
    SoftSelection(column="x", keep="highest", tokens=1),
    CombinedSelection(scores=(Weighted(column="x"), Weighted(column="y", weight=-2)), tokens=1),
]
CONTROLLED = [kind for kind in KINDS if not isinstance(kind, RandomSelection)]


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Return 60 documents of 1 to 9 tokens, at least 40 comparable, many scores equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([1, 3, 1000]))
    odd = np.zeros(60, dtype=np.bool_)
    odd[rng.choice(60, size=draw(st.integers(0, 20)), replace=False)] = True
    none = np.array([np.nan, np.inf, -np.inf])
    scores = {
        name: np.where(odd & (rng.random(60) < 0.5), rng.choice(none, 60), values)
        for name, values in zip("xy", rng.integers(-spread, spread, (2, 60)) / 4, strict=True)
    }
    topics = rng.permutation(np.array(list("abc") * 20, dtype=object))
    topics[odd & (rng.random(60) < 0.5)] = None
    return Pool(
        "law",
        lengths=rng.integers(1, draw(st.integers(2, 10)), 60),
        eligible=~odd | (rng.random(60) < 0.7),
        columns={**scores, "topic": topics},
    )


def with_budget(kind: Kind, tokens: int, quotas: Quotas | None = None) -> Kind:
    return kind.model_copy(update={"tokens": tokens, "quotas": quotas})


def all_tokens(kind: Kind, world: Pool) -> int:
    """Return how many tokens there are to choose from, as the error for too many says it."""
    with pytest.raises(DataError, match="fewer than the 1,000,000") as caught:
        select(with_budget(kind, 10**6), world, seed=0)
    return int(caught.value.what.split(" has ")[1].split(" ")[0].replace(",", ""))


def chosen(kind: Kind, world: Pool, tokens: int, seed: int = 0) -> Choice:
    return select(with_budget(kind, tokens), world, seed=seed)


@given(st.sampled_from(KINDS), pools(), st.data(), st.integers(0, 9))
def test_budgets_are_exact_to_one_document_and_nested(
    kind: Kind, world: Pool, data: st.DataObject, seed: int
) -> None:
    total = all_tokens(kind, world)
    small = data.draw(st.integers(9, total))
    large = data.draw(st.integers(small, total))
    everything = chosen(kind, world, total, seed).documents.tolist()
    assert int(world.lengths[everything].sum()) == total
    assert len(set(everything)) == len(everything)
    assert world.eligible[everything].all()
    few, many = chosen(kind, world, small, seed), chosen(kind, world, large, seed)
    for choice, budget in ((few, small), (many, large)):
        count = len(choice.documents)
        assert count > 0
        assert choice.documents.tolist() == everything[:count]
        assert choice.tokens == int(world.lengths[choice.documents].sum()) <= budget
        assert int(world.lengths[everything[: count + 1]].sum()) > budget or budget == total
        assert choice.portions[0].candidates == len(everything)
    assert set(few.documents) <= set(many.documents)


@given(st.sampled_from(KINDS), pools(), st.integers(40, 300), st.integers(0, 20), st.data())
def test_quotas_sum_are_exact_per_label_and_nested(
    kind: Kind, world: Pool, small: int, more: int, data: st.DataObject
) -> None:
    weights = [data.draw(st.integers(25, 40)) for _ in "ab"]
    shares = dict(zip("abc", [*weights, 100 - sum(weights)], strict=True))
    quotas = Quotas(column="topic", shares={label: share / 100 for label, share in shares.items()})
    try:
        select(with_budget(kind, 10**6, quotas), world, seed=1)
    except DataError as error:
        served = int(str(error.mend).split("at most ")[1].split(" ")[0])
    large = min(small + more, served)
    small = min(small, large)
    few, many = (select(with_budget(kind, each, quotas), world, seed=1) for each in (small, large))
    topics = world.columns["topic"]
    for choice, budget in ((few, small), (many, large)):
        assert sum(portion.budget or 0 for portion in choice.portions) == budget
        assert sum(portion.tokens for portion in choice.portions) == choice.tokens <= budget
        assert [portion.label for portion in choice.portions] == list("abc")
        for portion in choice.portions:
            assert portion.budget is not None
            mine = choice.documents[topics[choice.documents] == portion.label]
            assert portion.documents == len(mine) > 0
            assert portion.budget - 9 < portion.tokens <= portion.budget
            assert portion.tokens == int(world.lengths[mine].sum())
    assert set(few.documents) <= set(many.documents)


@given(st.sampled_from(CONTROLLED), pools(), st.data())
def test_a_control_is_equal_to_one_document(kind: Kind, world: Pool, data: st.DataObject) -> None:
    tokens = data.draw(st.integers(18, all_tokens(kind, world)))
    scored = chosen(kind, world, tokens)
    control = chosen(kind.model_copy(update={"control": True}), world, tokens)
    assert control.portions[0].budget == scored.tokens
    comparable = set(chosen(KINDS[1], world, all_tokens(KINDS[1], world)).documents)
    assert set(control.documents) <= comparable
    left = comparable - set(control.documents)
    if left:
        assert control.tokens + max(world.lengths[list(left)]) > scored.tokens
    assert control.tokens <= scored.tokens


@given(pools(), st.data())
def test_lowest_and_highest_agree_with_sorting(world: Pool, data: st.DataObject) -> None:
    lowest, highest = KINDS[1], KINDS[2]
    x = world.columns["x"]
    comparable = [i for i in range(len(x)) if world.eligible[i] and np.isfinite(x[i])]
    total = int(world.lengths[comparable].sum())
    assert all_tokens(lowest, world) == total
    assert chosen(lowest, world, total).documents.tolist() == sorted(
        comparable, key=lambda i: (x[i], i)
    )
    assert chosen(highest, world, total).documents.tolist() == sorted(
        comparable, key=lambda i: (-x[i], i)
    )
    part = chosen(lowest, world, data.draw(st.integers(9, total)))
    assert part.portions[0].cut == max(x[part.documents])
    assert part.unscored == part.eligible - len(comparable)


@given(pools(), st.lists(st.integers(1, 99), min_size=0, max_size=4, unique=True))
def test_adjoining_bands_share_out_the_documents(world: Pool, borders: list[int]) -> None:
    edges = [0, *(border / 100 for border in sorted(borders)), 1]
    found: list[int] = []
    for low, high in pairwise(edges):
        band = BandSelection(column="x", low=low, high=high, tokens=1)
        try:
            tokens = all_tokens(band, world)
        except AssertionError:
            with pytest.raises(DataError, match="begins between"):
                select(band, world, seed=0)
            continue
        found += chosen(band, world, tokens).documents.tolist()
    everything = chosen(KINDS[1], world, all_tokens(KINDS[1], world)).documents
    assert sorted(found) == sorted(everything.tolist())


@given(pools(), st.data())
def test_a_random_order_does_not_change_when_a_document_is_ruled_out(
    world: Pool, data: st.DataObject
) -> None:
    kind = KINDS[0]
    before = chosen(kind, world, all_tokens(kind, world), seed=4).documents.tolist()
    out = data.draw(st.sampled_from(before))
    eligible = world.eligible.copy()
    eligible[out] = False
    less = replace(world, eligible=eligible)
    after = chosen(kind, less, all_tokens(kind, less), seed=4).documents.tolist()
    assert after == [document for document in before if document != out]
