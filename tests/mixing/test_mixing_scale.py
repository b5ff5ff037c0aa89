"""Plans and rounds at scale, and at the odd places: changes, draws, labels that are not there."""

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.mixing import Decision, Rounds, Supply, plan_phases
from gapless.recipe.mixtures import (
    DomainOnly,
    FixedMixture,
    OwnRule,
    PretrainingLike,
    Replay,
    Shares,
    TargetFeedback,
    TopicFeedback,
)
from gapless.recipe.schema import Change, Order, Phase
from gapless.seeds import stream

CONTEXT = 8192
TOPICS = [f"web/t{i}" for i in range(22)]
BIG = Supply(
    {"web": "domain", "wiki": "general"},
    dict.fromkeys([*TOPICS, "web/unlabelled"], 10**12) | {"wiki": 10**13},
)


def big_rounds() -> tuple[Rounds, list[Decision]]:
    """Two phases of 1e13 tokens each, 22 topics, rounds of 4e11; perplexities at random."""
    weights = stream(0, "weights").random(23) + 0.01
    shares = dict(
        zip([*TOPICS, "web/unlabelled"], (weights / weights.sum() * 0.7).tolist(), strict=True)
    )
    shares["wiki"] = 1 - math.fsum(shares.values())
    mixture = TopicFeedback(start=Shares(shares=shares), interval=4 * 10**11, sources=("web",))
    order = Order(
        context=CONTEXT,
        phases=(Phase(tokens=10**13, mixture=mixture), Phase(tokens=10**13, mixture=mixture)),
        max_repetition=3,
    )
    run = Rounds(plan_phases(order, BIG, batch_rows=512), order, BIG, {})
    base = dict.fromkeys(TOPICS, 3.0)
    decisions: list[Decision] = []
    for row in run.readings:
        drawn = stream(1, row).random(len(TOPICS))
        now = {topic: 2 + float(x) for topic, x in zip(TOPICS, drawn, strict=True)}
        decisions.append(run.decide(row, decisions, base=base, now=now))
    return run, decisions


def test_rounds_of_1e13_tokens_lose_no_row_and_keep_their_shares() -> None:
    run, decisions = big_rounds()
    stretches = run.stretches(decisions)
    assert len(decisions) == len(run.readings) == len(stretches) == 50
    assert [d.round for d in decisions].count(0) == 2
    assert sum(stretch.length for stretch in stretches) == run.num_rows == 2 * (10**13 // CONTEXT)
    for index, phase in enumerate(run.phases):
        own = [stretch for stretch in stretches if stretch.phase == index]
        asked = [phase.shares, *(d.shares for d in decisions if d.phase == index and d.round)]
        for name in phase.shares:
            given_rows = sum(stretch.rows[name] for stretch in own)
            wanted = math.fsum(
                share[name] * each.length for share, each in zip(asked, own, strict=True)
            )
            assert abs(given_rows - wanted) < 2
        assert all(type(n) is int for stretch in own for n in stretch.rows.values())
    moved = [d.shares[TOPICS[0]] for d in decisions]
    assert len(set(moved)) > 40
    assert all(d.shares["wiki"] == decisions[0].shares["wiki"] for d in decisions)


def test_what_a_log_says_is_the_beginning_of_what_a_longer_log_says() -> None:
    run, decisions = big_rounds()
    rows = [json.loads(json.dumps(decision.row())) for decision in decisions]
    assert [Decision.from_row(row) for row in rows] == decisions
    whole = run.stretches(decisions)
    for length in range(len(decisions)):
        known = run.stretches(decisions[: length + 1])
        assert known == whole[: len(known)]
        assert sum(stretch.length for stretch in known) > run.readings[length]


LABELS = Supply({"web": "domain", "wiki": "general"}, {"web/a": 400, "web/b": 400, "wiki": 900})


def test_a_topic_that_a_rule_gave_nothing_can_come_back() -> None:
    def to_and_fro(log: list[object], _: object) -> dict[str, float]:
        return {"web/a": len(log) % 2, "web/b": 1 - len(log) % 2}

    start = Shares(shares={"web": 0.5, "wiki": 0.5})
    mixture = OwnRule(start=start, interval=80, sources=("web",), name="mine", max_change=1)
    order = Order(context=10, phases=(Phase(tokens=400, mixture=mixture),))
    run = Rounds(plan_phases(order, LABELS, batch_rows=4), order, LABELS, {"mine": to_and_fro})
    same = {"web/a": 2.0, "web/b": 2.0}
    decisions: list[Decision] = []
    for row in run.readings:
        decisions.append(run.decide(row, decisions, base=same, now=same))
    given_rows = [(d.rows["web/a"], d.rows["web/b"]) for d in decisions[1:]]
    assert given_rows == [(4, 0), (0, 4), (4, 0), (0, 4)]
    assert json.dumps([d.row() for d in decisions], allow_nan=False)


def test_a_label_that_no_document_has_is_an_error_that_names_those_there_are() -> None:
    mixture = Shares(shares={"web/aa": 0.5, "wiki": 0.5})
    order = Order(context=10, phases=(Phase(tokens=100, mixture=mixture),))
    with pytest.raises(DataError, match=r"order\.strata\.web.*'web/aa'.*\n.*a, b"):
        plan_phases(order, LABELS)


def test_a_label_without_a_target_is_an_error_before_anything_is_trained() -> None:
    mixture = TargetFeedback(start=DomainOnly(), interval=80, sources=("web",), targets={"a": 1.0})
    order = Order(context=10, phases=(Phase(tokens=400, mixture=mixture),))
    with pytest.raises(DataError, match=r"phases\[0\]\.mixture\.targets.*no target for 'web/b'"):
        plan_phases(order, LABELS)


def test_epochs_of_a_phase_without_domain_text_are_an_error_that_names_the_phase() -> None:
    order = Order(context=10, phases=(Phase(epochs=1), Phase(epochs=1, mixture=Replay(general=1))))
    with pytest.raises(DataError, match=r"^order\.phases\[1\]: epochs count"):
        plan_phases(order, LABELS)


def test_what_a_topic_cannot_take_goes_to_the_others_of_its_source() -> None:
    """The cap leaves 14 rows of `a`; its source keeps half of every round all the same."""
    start = Shares(shares={"web/a": 0.1, "web/b": 0.4, "wiki": 0.5})
    mixture = OwnRule(start=start, interval=200, sources=("web",), name="mine", max_change=1)
    order = Order(context=10, phases=(Phase(tokens=1000, mixture=mixture),), max_repetition=0.0375)
    supply = Supply(LABELS.roles, {"web/a": 4000, "web/b": 40_000, "wiki": 40_000})
    rules = {"mine": lambda *_: {"web/a": 0.99, "web/b": 0.01}}
    run = Rounds(plan_phases(order, supply, batch_rows=4), order, supply, rules)
    same, decisions = {"web/a": 2.0, "web/b": 2.0}, list[Decision]()
    for row in run.readings:
        decisions.append(run.decide(row, decisions, base=same, now=same))
    assert [list(d.rows.values()) for d in decisions[1:]] == [
        [10, 0, 10],
        [3, 7, 10],
        [0, 10, 10],
        [0, 10, 10],
    ]
    notes = [{move.topic: move.note for move in d.moves}["web/a"] for d in decisions[1:]]
    assert ["held at the repetition cap" in note for note in notes] == [False, True, True, True]


LIKE = PretrainingLike(
    pretraining={"web": 8, "wiki": 2}, replaced=("web",), sources={"wiki": "wiki"}, epoch=100
)
FIXED = LIKE.model_copy(update={"draw": "fixed"})


def draws_of(*phases: Phase, changes: dict[int, FixedMixture]) -> list[list[dict[str, str]]]:
    made = tuple(Change(at=at, mixture=mixture) for at, mixture in changes.items())
    order = Order(context=10, phases=phases, changes=made)
    return [[dict(s.draws) for s in phase.stretches] for phase in plan_phases(order, LABELS)]


def test_a_phase_that_reuses_still_does_when_it_is_changed() -> None:
    first, second = Phase(tokens=200), Phase(tokens=300, reuse=True)
    fresh = {"web/a": "fresh", "web/b": "fresh"}
    everything = fresh | {"wiki": "fresh"}
    assert draws_of(first, second, changes={200: Replay(general=0.5)}) == [[{}], [everything]]
    changed = draws_of(first, second, changes={300: Replay(general=0.5)})
    assert changed == [[{}], [fresh, {"wiki": "fresh"}]], "what the phase draws already goes on"
    every = LIKE.model_copy(update={"draw": "every_epoch"})
    assert draws_of(
        Phase(tokens=250, mixture=every), Phase(tokens=200, mixture=every, reuse=True), changes={}
    ) == [[fresh, fresh, fresh], [everything, fresh]]


def test_a_change_to_epochs_of_their_own_draws_them() -> None:
    fresh, again = (dict.fromkeys(("web/a", "web/b", "wiki"), draw) for draw in ("fresh", "again"))
    assert draws_of(Phase(tokens=500), changes={250: FIXED}) == [[{}, fresh, again, again]]


def test_rows_that_a_change_took_back_count_for_no_cap() -> None:
    """A hundred rows are planned and twenty of them seen: the rest is left for the next phase."""
    start = Shares(shares={"web": 0.5, "wiki": 0.5})
    mixture = OwnRule(start=start, interval=80, sources=("web",), name="mine", max_change=1)
    order = Order(
        context=10,
        phases=(Phase(tokens=1000), Phase(tokens=240, mixture=mixture)),
        changes=(Change(at=200, mixture=Shares(shares={"wiki": 1})),),
        max_repetition=1,
    )
    supply = Supply(LABELS.roles, {"web/a": 400, "web/b": 400, "wiki": 9000})
    rules = {"mine": lambda *_: {"web/a": 1, "web/b": 0}}
    run = Rounds(plan_phases(order, supply, batch_rows=4), order, supply, rules)
    same, decisions = {"web/a": 2.0, "web/b": 2.0}, list[Decision]()
    for row in run.readings:
        decisions.append(run.decide(row, decisions, base=same, now=same))
    assert [d.rows.get("web/a") for d in decisions] == [None, 4, 4]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(1e-6, 1), min_size=2, max_size=12),
    st.integers(2, 4096),
    st.integers(1, 5000),
)
def test_the_budget_that_an_error_names_serves_the_source(
    weights: list[float], context: int, rows: int
) -> None:
    names = [f"s{i}" for i in range(len(weights))]
    supply = Supply(dict.fromkeys(names, "general"), dict.fromkeys(names, 10**15))
    shares = dict(zip(names, [w / math.fsum(weights) for w in weights], strict=True))

    def refused(tokens: int) -> DataError | None:
        phase = Phase(tokens=tokens, mixture=Shares(shares=shares))
        try:
            plan_phases(Order(context=context, phases=(phase,)), supply)
        except DataError as error:
            return error
        return None

    served: list[str] = []
    tokens = rows * context
    while error := refused(tokens):  # its mend serves the source that it names for good
        name, budget = re.findall(
            r"source '(\w+)' has.*at least ([\d,]+) tokens", str(error), re.DOTALL
        )[0]
        assert name not in served
        served.append(name)
        tokens = int(budget.replace(",", ""))
