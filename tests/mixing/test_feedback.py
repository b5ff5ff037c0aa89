import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.mixing import (
    Decision,
    Rounds,
    Rule,
    Supply,
    plan_phases,
    target_moves,
    topic_groups,
    topic_moves,
)
from gapless.recipe.mixtures import DomainOnly, OwnRule, Shares, TargetFeedback, TopicFeedback
from gapless.recipe.schema import Order, Phase

FIGURE_1 = {"a": (1.26, 1.32), "b": (1.82, 1.45), "c": (1.54, 1.60)}
"""Paper 2, figure 1: perplexity before and after; a and c get more, b gets less."""


def rule(**settings: object) -> TopicFeedback:
    return TopicFeedback.model_validate(
        {"start": {"type": "domain_only"}, "interval": 100, "sources": ["web"], "max_change": 1}
        | settings
    )


def test_the_three_cases_of_figure_1() -> None:
    shares = dict.fromkeys(FIGURE_1, 1 / 3)
    before, now = ({t: pair[i] for t, pair in FIGURE_1.items()} for i in (0, 1))
    moves = {move.topic: move for move in topic_moves(rule(alpha=0.5), shares, before, now)}
    # By hand: changes 0.06, -0.37, 0.06; sum of sizes 0.49; f = 1 + 0.5 * d / 0.49.
    factors = {t: 1 + 0.5 * d / 0.49 for t, d in (("a", 0.06), ("b", -0.37), ("c", 0.06))}
    for topic, factor in factors.items():
        assert moves[topic].factor == pytest.approx(factor)
        assert moves[topic].share == pytest.approx(factor / sum(factors.values()))
    assert moves["a"].share > 1 / 3 > moves["b"].share
    assert moves["c"].share > 1 / 3


def test_normaliser_weights_and_clamp() -> None:
    shares, before, now = {"a": 0.5, "b": 0.5}, {"a": 10.0, "b": 10.0}, {"a": 11.0, "b": 6.0}

    def factors(**settings: object) -> list[float]:
        return [move.factor for move in topic_moves(rule(**settings), shares, before, now)]

    assert factors(alpha=0.5) == pytest.approx([1.1, 0.6])
    assert factors(alpha=0.5, normaliser="max") == pytest.approx([1.125, 0.5])
    assert factors(alpha=0.5, weights={"a": 2}) == pytest.approx([1.2, 0.6])
    assert factors(alpha=1.0, clamp=(0.9, 1.05)) == [1.05, 0.9]


def test_nothing_moves_when_nothing_changed() -> None:
    same = {"a": 5.0, "b": 7.0}
    moves = topic_moves(rule(), {"a": 0.3, "b": 0.7}, same, same)
    assert [move.share for move in moves] == pytest.approx([0.3, 0.7])


perplexities = st.lists(st.floats(1.5, 500), min_size=2, max_size=22)


@given(perplexities, st.data())
def test_shares_sum_to_one_and_no_change_is_larger_than_allowed(
    before: list[float], data: st.DataObject
) -> None:
    now = data.draw(st.lists(st.floats(1.5, 500), min_size=len(before), max_size=len(before)))
    weights = data.draw(st.lists(st.floats(0.01, 1), min_size=len(before), max_size=len(before)))
    names = [f"t{i}" for i in range(len(before))]
    shares = dict(zip(names, np.array(weights) / math.fsum(weights), strict=True))
    limit = data.draw(st.floats(0.001, 0.2))
    moves = topic_moves(
        rule(max_change=limit, alpha=1.0, normaliser="max"),
        shares,
        dict(zip(names, before, strict=True)),
        dict(zip(names, now, strict=True)),
    )
    assert math.fsum(move.share for move in moves) == pytest.approx(1)
    assert all(abs(move.share - move.share_before) <= limit + 1e-12 for move in moves)
    assert all(move.share > 0 for move in moves)


def test_targets_favour_what_lags_behind() -> None:
    """By hand: ways left 1, 1/2 and 0 of the way from the base to the target."""
    targets = TargetFeedback(
        start=DomainOnly(),
        interval=100,
        sources=("web",),
        max_change=1,
        targets={"slow": 1.0, "half": 1.0, "there": 2.0},
    )
    base = {"slow": math.exp(3), "half": math.exp(3), "there": math.exp(3)}
    now = {"slow": math.exp(3), "half": math.exp(2), "there": math.exp(2)}
    shares = dict.fromkeys(base, 1 / 3)
    moves = {move.topic: move for move in target_moves(targets, shares, base, now)}
    expected = {"slow": math.e, "half": math.exp(0.5), "there": 1.0}
    for topic, factor in expected.items():
        assert moves[topic].factor == pytest.approx(factor)
        assert moves[topic].share == pytest.approx(factor / sum(expected.values()))


SUPPLY = Supply(
    {"web": "domain", "wiki": "general"},
    {"web/law": 4000, "web/art": 4000, "web/unlabelled": 2000, "wiki": 9000},
)
BASE = {"web/law": 2.0, "web/art": 2.0, "wiki/all": 1.0}


def rounds(
    mixture: TopicFeedback | OwnRule, rules: dict[str, Rule] | None = None, **order: object
) -> Rounds:
    """Two phases of 30 and 20 rows, steps of 4; the first is read at rows 0, 12 and 24."""
    made = Order(
        context=10,
        phases=(Phase(tokens=300, mixture=mixture), Phase(tokens=200)),
        **order,  # type: ignore[arg-type]
    )
    return Rounds(plan_phases(made, SUPPLY, batch_rows=4), made, SUPPLY, rules or {})


def steered(**settings: object) -> TopicFeedback:
    start = {"type": "shares", "shares": {"web": 0.5, "wiki": 0.5}}
    return rule(start=start, interval=90, **settings)


def test_a_run_is_known_as_far_as_it_is_decided() -> None:
    run = rounds(steered())
    assert run.readings == (0, 12, 24)
    assert run.num_rows == 50
    start = run.decide(0, [], base=BASE, now=BASE)
    assert (start.round, start.rows) == (0, {})
    assert [s.length for s in run.stretches([start])] == [12]
    first = run.decide(12, [start], base=BASE, now=BASE | {"web/law": 2.2})
    assert [s.length for s in run.stretches([start, first])] == [12, 12]
    second = run.decide(24, [start, first], base=BASE, now=BASE)
    stretches = run.stretches([start, first, second])
    assert [s.length for s in stretches] == [12, 12, 6, 20]
    assert [s.phase for s in stretches] == [0, 0, 0, 1]


def test_shares_move_between_labels_and_never_between_sources() -> None:
    run = rounds(steered())
    start = run.decide(0, [], base=BASE, now=BASE)
    decision = run.decide(12, [start], base=BASE, now=BASE | {"web/law": 2.3})
    assert decision.shares["web/law"] > 0.2 > decision.shares["web/art"]
    assert decision.shares["wiki"] == 0.5
    assert decision.shares["web/unlabelled"] == pytest.approx(0.1)
    assert math.fsum(decision.shares.values()) == pytest.approx(1)
    assert sum(decision.rows.values()) == 12
    moved = {move.topic: move for move in decision.moves}
    assert set(moved) == {"web/law", "web/art"}
    assert moved["web/law"].before == pytest.approx(math.exp(2.0))
    assert moved["web/law"].now == pytest.approx(math.exp(2.3))


def test_a_decision_is_what_its_row_in_the_log_says() -> None:
    run = rounds(steered())
    start = run.decide(0, [], base=BASE, now=BASE)
    decision = run.decide(12, [start], base=BASE, now=BASE | {"web/law": 2.3})
    assert Decision.from_row(decision.row()) == decision


def test_what_rounds_round_away_is_made_good() -> None:
    supply = Supply({"web": "domain"}, {"web/rare": 10**6, "web/rest": 10**6})
    start = Shares(shares={"web/rare": 0.03, "web/rest": 0.97})
    mixture = rule(start=start, interval=100)
    order = Order(context=10, phases=(Phase(tokens=10_000, mixture=mixture),))
    run = Rounds(plan_phases(order, supply, batch_rows=10), order, supply, {})
    base = {"web/rare": 2.0, "web/rest": 2.0}
    decisions: list[Decision] = []
    for row in run.readings:
        decisions.append(run.decide(row, decisions, base=base, now=base))
    rare = [decision.rows["web/rare"] for decision in decisions[1:]]
    assert max(rare) <= 1
    assert abs(sum(rare) - 0.03 * 10 * len(rare)) <= 1


def test_the_repetition_cap_holds_whatever_the_rule_says() -> None:
    def all_to_law(*_: object) -> dict[str, float]:
        return {"web/law": 1.0, "web/art": 0.0}

    start = Shares(shares={"web": 0.5, "wiki": 0.5})
    mixture = OwnRule(start=start, interval=90, sources=("web",), name="mine", max_change=1)
    run = rounds(mixture, {"mine": all_to_law}, max_repetition=0.037)
    first = run.decide(0, [], base=BASE, now=BASE)
    decision = run.decide(12, [first], base=BASE, now=BASE)
    law = sum(s.rows["web/law"] for s in run.stretches([first, decision]) if s.phase == 0)
    assert law * 10 <= 0.037 * 4000
    note = {move.topic: move.note for move in decision.moves}["web/law"]
    assert "held at the repetition cap" in note
    assert sum(decision.rows.values()) == 12


def test_a_rule_of_ones_own_sees_the_log_and_the_measurements() -> None:
    heard: list[object] = []

    def mine(log: object, measured: object) -> dict[str, float]:
        heard.append((log, measured))
        return {"web/law": 3, "web/art": 1}

    start = Shares(shares={"web": 0.5, "wiki": 0.5})
    mixture = OwnRule(start=start, interval=90, sources=("web",), name="mine", max_change=1)
    run = rounds(mixture, {"mine": mine})
    first = run.decide(0, [], base=BASE, now=BASE)
    decision = run.decide(12, [first], base=BASE, now=BASE)
    assert heard == [([first.row()], {"web/law": 2.0, "web/art": 2.0})]
    assert decision.shares["web/law"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    "answer", [{"web/law": 1.0}, {"web/law": -1, "web/art": 2}, {"web/law": 0, "web/art": 0}]
)
def test_a_rule_that_answers_nonsense_is_told_so(answer: dict[str, float]) -> None:
    mixture = OwnRule(start=DomainOnly(), interval=90, sources=("web",), name="mine")
    run = rounds(mixture, {"mine": lambda *_: answer})
    first = run.decide(0, [], base=BASE, now=BASE)
    with pytest.raises(DataError, match="share"):
        run.decide(12, [first], base=BASE, now=BASE)


def test_a_topic_that_is_not_measured_is_an_error_with_its_mend() -> None:
    with pytest.raises(DataError, match=r"perplexity of 'web/art' is not measured") as caught:
        rounds(steered()).decide(0, [], base=BASE, now={"web/law": 2.0})
    assert "type: perplexity" in str(caught.value)


def test_sources_without_labels_move_among_themselves() -> None:
    mixture = rule(sources=["web", "news", "wiki"])
    strata = ["web/a", "web/b", "news", "wiki", "books"]
    assert topic_groups(mixture, strata) == [["web/a", "web/b"], ["news", "wiki"]]


def test_targets_by_label_are_not_asked_for_before_labels_are_counted() -> None:
    targets = TargetFeedback(
        start=DomainOnly(), interval=100, sources=("web",), targets={"law": 2.0, "art": 2.0}
    )
    order = Order(context=10, strata={"web": "kind"}, phases=(Phase(tokens=300, mixture=targets),))
    plan_phases(order, Supply({"web": "domain"}, {"web": 4000}))  # an estimate
    plan_phases(order, Supply({"web": "domain"}, {"web/law": 2000, "web/art": 2000}))
    with pytest.raises(DataError, match="there is no target for 'web/rest'"):
        plan_phases(order, Supply({"web": "domain"}, {"web/law": 2000, "web/rest": 2000}))
