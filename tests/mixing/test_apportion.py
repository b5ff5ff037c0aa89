from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError
from gapless.mixing import Supply, apportion, plan_phases, shares_of
from gapless.recipe.mixtures import (
    DomainOnly,
    FixedMixture,
    Group,
    Groups,
    PretrainingLike,
    Replay,
    Shares,
)
from gapless.recipe.schema import Change, Order, Phase
from gapless.records.stretches import Stretch

ROLES = {"law": "domain", "books": "general", "wiki": "general"}
TOKENS = {"law": 1000, "books": 300, "wiki": 700}
SUPPLY = Supply(ROLES, TOKENS)


def test_largest_remainders_get_the_rest() -> None:
    assert apportion(10, [0.5, 0.3, 0.2]) == [5, 3, 2]
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(7, [0.82, 0.18]) == [6, 1]
    assert apportion(0, [1.0, 2.0]) == [0, 0]


@given(
    st.integers(0, 10**13),
    st.lists(st.floats(1e-8, 1, allow_subnormal=False), min_size=1, max_size=50),
)
def test_parts_sum_to_the_total_and_are_within_one_of_the_quota(
    total: int, shares: list[float]
) -> None:
    parts = apportion(total, shares)
    assert sum(parts) == total
    scale = sum(map(Fraction, shares))
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - total * Fraction(share) / scale) < 1


def test_exact_at_1e13_with_a_share_of_1e_8() -> None:
    parts = apportion(10**13, [1e-8, 1 - 1e-8])
    assert sum(parts) == 10**13
    assert abs(parts[0] - 10**5) <= 1


def test_shares_of_each_mixture() -> None:
    def shares(mixture: FixedMixture) -> dict[str, float]:
        return shares_of(mixture, SUPPLY)

    assert shares(DomainOnly()) == {"law": 1.0}
    assert shares(Shares(shares={"law": 0.25, "wiki": 0.75, "books": 0})) == {
        "law": 0.25,
        "wiki": 0.75,
    }
    assert shares(Replay(general=0.2)) == pytest.approx({"law": 0.8, "books": 0.06, "wiki": 0.14})
    assert shares(Replay(general=0.18, like={"books": 1, "wiki": 2})) == pytest.approx(
        {"law": 0.82, "books": 0.06, "wiki": 0.12}
    )
    assert shares(Replay(general=0)) == {"law": 1.0}
    assert set(shares(Replay(general=1))) == {"books", "wiki"}


def test_a_role_with_a_share_and_no_text_is_an_error() -> None:
    empty = Supply(ROLES, TOKENS | {"books": 0, "wiki": 0})
    with pytest.raises(DataError, match=r"gives general text a share of 0\.18, and it has nothing"):
        shares_of(Replay(general=0.18), empty)


def test_a_source_in_strata_divides_its_share_by_their_tokens() -> None:
    supply = Supply({"web": "domain", "wiki": "general"}, {"web/a": 30, "web/b": 10, "wiki": 5})
    mixture = Shares(shares={"web": 0.8, "wiki": 0.2})
    assert shares_of(mixture, supply) == pytest.approx({"web/a": 0.6, "web/b": 0.2, "wiki": 0.2})
    named = Shares(shares={"web/b": 0.8, "wiki": 0.2})
    assert shares_of(named, supply) == pytest.approx({"web/b": 0.8, "wiki": 0.2})


def test_groups_have_a_ratio_and_divide_it_among_their_sources() -> None:
    """Paper 2's first stage in small: Chinese to English 2 : 8."""
    mixture = Groups(
        groups={
            "chinese": Group(weight=2, sources={"law": 70, "books": 30}),
            "english": Group(weight=8, sources={"wiki": 3, "books": 1}),
        }
    )
    assert shares_of(mixture, SUPPLY) == pytest.approx({"law": 0.14, "books": 0.26, "wiki": 0.6})


def test_llama_1_without_its_web_gives_the_domain_82_percent() -> None:
    """Paper 1, section 2.5 of the notes: 18 % stays, each entry with its own share."""
    mixture = PretrainingLike(
        sources={"wikipedia": "wiki", "books": "books"},
        left_out=("github", "arxiv", "stackexchange"),
    )
    assert shares_of(mixture, SUPPLY) == pytest.approx(
        {"law": 82 / 91, "wiki": 4.5 / 91, "books": 4.5 / 91}
    )
    everything = PretrainingLike(
        sources=dict.fromkeys(("github", "wikipedia", "books", "arxiv", "stackexchange"), "wiki")
    )
    assert shares_of(everything, SUPPLY) == pytest.approx({"law": 0.82, "wiki": 0.18})


def test_every_entry_of_a_pretraining_mixture_needs_its_place() -> None:
    with pytest.raises(ValueError, match="nothing stands for 'github'"):
        PretrainingLike(sources={"wikipedia": "wiki"})
    with pytest.raises(ValueError, match="the mixture has no 'news'"):
        PretrainingLike(sources={"news": "wiki"})


def _plan(*phases: Phase, max_repetition: float = 8) -> list[dict[str, int]]:
    order = Order(context=10, phases=phases, max_repetition=max_repetition)
    planned = plan_phases(order, SUPPLY)
    assert all(len(phase.stretches) == 1 for phase in planned)
    return [dict(phase.stretches[0].rows) for phase in planned]


def test_a_budget_becomes_rows() -> None:
    mixture = Replay(general=0.2, like={"wiki": 1})
    assert _plan(Phase(tokens=1000, mixture=mixture)) == [{"law": 80, "wiki": 20}]
    assert _plan(Phase(tokens=1009, mixture=mixture)) == [{"law": 80, "wiki": 20}]


def test_epochs_count_passes_over_the_domain_text() -> None:
    assert _plan(Phase(epochs=1)) == [{"law": 100}]
    assert _plan(Phase(epochs=2, mixture=Replay(general=0.5, like={"wiki": 1}))) == [
        {"law": 200, "wiki": 200}
    ]


def test_a_share_that_rounds_to_no_row_names_the_smallest_budget() -> None:
    mixture = Shares(shares={"law": 0.999, "wiki": 0.001})
    with pytest.raises(DataError, match=r"'wiki'.*0\.001.*less than one row") as caught:
        _plan(Phase(tokens=1000, mixture=mixture))
    assert "10,000 tokens" in str(caught.value)
    assert _plan(Phase(tokens=10_000, mixture=mixture), max_repetition=10)[0]["wiki"] == 1


def test_repetition_beyond_the_cap_is_refused_with_the_repetition_needed() -> None:
    with pytest.raises(DataError, match=r"repeated 9\.00 times.*max_repetition is 8"):
        _plan(Phase(tokens=9000))
    assert _plan(Phase(tokens=8000)) == [{"law": 800}]
    with pytest.raises(DataError, match=r"repeated 3\.00 times"):  # over all phases together
        _plan(Phase(tokens=1500), Phase(tokens=1500), max_repetition=2)


LIKE = PretrainingLike(
    pretraining={"web": 8, "wiki": 2}, replaced=("web",), sources={"wiki": "wiki"}, epoch=500
)


def test_an_epoch_of_its_own_is_drawn_as_often_as_the_phase_says() -> None:
    order = Order(context=10, phases=(Phase(epochs=2.5, mixture=LIKE),))
    (phase,) = plan_phases(order, SUPPLY)
    rows = {"law": 40, "wiki": 10}
    assert phase.num_rows == 125
    assert phase.stretches == (
        Stretch(0, rows, 50, {"law": "fresh"}),
        Stretch(0, rows, 50, {"law": "fresh"}),
        Stretch(0, rows, 25, {"law": "fresh"}),
    )


def test_a_fixed_draw_repeats_everything() -> None:
    mixture = LIKE.model_copy(update={"draw": "fixed"})
    order = Order(context=10, phases=(Phase(tokens=1000, mixture=mixture),))
    first, second = plan_phases(order, SUPPLY)[0].stretches
    assert first.draws == {"law": "fresh", "wiki": "fresh"}
    assert second.draws == {"law": "again", "wiki": "again"}


def test_a_fixed_draw_counts_as_often_as_it_is_shown() -> None:
    mixture = LIKE.model_copy(update={"draw": "fixed", "epoch": 100})
    order = Order(context=10, phases=(Phase(epochs=9, mixture=mixture),))
    with pytest.raises(DataError, match=r"shows one draw of 'law' 9 times"):
        plan_phases(order, SUPPLY)
    anew = mixture.model_copy(update={"draw": "every_epoch"})
    plan_phases(Order(context=10, phases=(Phase(epochs=9, mixture=anew),)), SUPPLY)


def test_a_phase_that_reuses_draws_afresh() -> None:
    order = Order(context=10, phases=(Phase(tokens=100), Phase(tokens=100, reuse=True)))
    first, second = plan_phases(order, SUPPLY)
    assert first.stretches[0].draws == {}
    assert second.stretches[0].draws == {"law": "fresh"}


def test_a_change_keeps_what_comes_before_it() -> None:
    before = Order(context=10, phases=(Phase(tokens=500), Phase(tokens=300)))
    change = Change(at=205, mixture=Replay(general=0.5, like={"wiki": 1}))
    after = before.model_copy(update={"changes": (change,)})
    (first, second), (old_first, old_second) = (plan_phases(o, SUPPLY) for o in (after, before))
    assert first.stretches == (
        Stretch(0, old_first.stretches[0].rows, 20),
        Stretch.whole(0, {"law": 15, "wiki": 15}),
    )
    assert (first.num_rows, second) == (50, old_second)


def test_a_change_after_the_end_is_refused() -> None:
    change = Change(at=900, mixture=DomainOnly())
    order = Order(context=10, phases=(Phase(tokens=500),), changes=(change,))
    with pytest.raises(DataError, match=r"the run ends at 500 tokens"):
        plan_phases(order, SUPPLY)


def test_a_hundred_thousand_sources_at_1e13_tokens() -> None:
    """Shares down to 1e-8, every source at least one row, sums exact, seconds at most."""
    count, context = 100_000, 8192
    weights = {f"s{i}": float(1 + i % 7) for i in range(count - 1)} | {"tiny": 1e-8 * 4 * count}
    roles = dict.fromkeys(weights, "domain")
    supply = Supply(roles, dict.fromkeys(weights, 10**13))
    mixture = Groups(groups={"all": Group(weight=1, sources=weights)})
    order = Order(context=context, phases=(Phase(tokens=10**13, mixture=mixture),))
    (phase,) = plan_phases(order, supply)
    rows = phase.stretches[0].rows
    assert sum(rows.values()) == phase.num_rows == 10**13 // context
    scale = sum(map(Fraction, weights.values()))
    for name in ("s0", "s6", "tiny"):
        quota = phase.num_rows * Fraction(weights[name]) / scale
        assert abs(rows[name] - quota) <= 1
    assert rows["tiny"] * context / 10**13 == pytest.approx(1e-8, rel=0.02)
