from pathlib import Path

import numpy as np
import pytest

from gapless.analysis import analyse
from gapless.analysis.advisor import RULES
from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues

TOKENS = [0, 10_000, 20_000, 30_000, 40_000]
GENERAL, DOMAIN = ("web", "general", "bits_per_byte"), ("law", "domain", "bits_per_byte")
FLAT = [1.0] * 5


@pytest.fixture
def advise(write_arm, make_bits):
    """Return the findings of arms given as {name: {probe: values}}, by rule."""

    def found(arms, *, journals=None, seeds=(), noise=0.05, num_items=40):
        folders = []
        for arm, probes in arms.items():
            items = {
                key: values
                if isinstance(values[0], ItemValues)
                else make_bits(values, seed=len(key[0]), noise=noise, num_items=num_items)
                for key, values in probes.items()
            }
            folder = write_arm(arm, TOKENS, items)
            for name, rows in (journals or {}).get(arm, {}).items():
                Journal(folder / f"{name}.jsonl").append(*rows)
            folders.append(folder)
        by_rule = {}
        for finding in analyse(folders, replicates=300, seeds=seeds).findings:
            by_rule.setdefault(finding["rule"], []).append(finding)
        return by_rule

    return found


def steps(losses, *, tokens=None, norms=None, phase=0):
    norms = norms or [1.0] * len(losses)
    return [
        {
            "tokens_seen": 1000 * (number + 1),
            "phase": phase,
            "loss": loss,
            "gradient_norm": norm,
            "tokens": tokens or {"law": 1000},
        }
        for number, (loss, norm) in enumerate(zip(losses, norms, strict=True))
    ]


def accuracy(rates, num_items=200, seed=0):
    """Nested answers: who answers at a lower rate answers at a higher one."""
    drawn = np.random.Generator(np.random.Philox(seed)).random(num_items)
    return [
        ItemValues(numerators=(drawn < rate).astype(float), denominators=np.ones(num_items))
        for rate in rates
    ]


def test_every_rule_has_its_own_name_and_a_source():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source for rule in RULES)


def test_where_nothing_happened_no_rule_says_that_something_did(advise):
    """Noise alone: the domain's gain is unclear, and that is all there is to say."""
    journals = {"main": {"steps": steps([2.0 + 0.01 * (k % 7) for k in range(80)])}}
    found = advise({"main": {GENERAL: FLAT, DOMAIN: FLAT}}, journals=journals)
    assert set(found) == {"no clear gain"}


def test_forgetting_that_lasts_names_the_arm_that_forgot_less(advise):
    arms = {
        "alone": {GENERAL: [1.0, 1.4, 1.4, 1.4, 1.4], DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]},
        "replay": {GENERAL: [1.0, 1.1, 1.1, 1.1, 1.1], DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]},
    }
    journals = {
        "alone": {"steps": steps([1.0], tokens={"law": 1000})},
        "replay": {"steps": steps([1.0], tokens={"law/a": 750, "web": 250})},
    }
    alone, replay = advise(arms, journals=journals)["forgetting lasts"]
    assert (alone["arm"], replay["arm"]) == ("alone", "replay")
    assert alone["numbers"]["change"] == pytest.approx(-0.4, abs=0.05)
    assert alone["numbers"]["general_share"] == 0
    assert replay["numbers"]["general_share"] == 0.25
    assert "with no general text in what it saw" in alone["text"]
    assert "The arm replay kept 0.3" in alone["text"]
    assert "kept" not in replay["text"]
    assert alone["suggestion"].startswith("Keep general text")
    assert replay["suggestion"].startswith("Raise the share")


def test_of_several_arms_that_forgot_less_the_best_is_named(advise):
    arms = {
        name: {GENERAL: [1.0] + [1.0 + loss] * 4}
        for name, loss in [("most", 0.6), ("least", 0.1), ("some", 0.3)]
    }
    most, least, some = advise(arms)["forgetting lasts"]
    assert "The arm least kept 0.5" in most["text"]
    assert "The arm least kept 0.2" in some["text"]
    assert "kept" not in least["text"]


def test_general_text_that_gained_is_not_forgotten(advise):
    found = advise({"main": {GENERAL: [1.0, 0.9, 0.8, 0.7, 0.6]}})
    assert "forgetting lasts" not in found


def test_a_share_of_general_text_that_cannot_be_known_is_not_told(advise):
    arms = {"main": {GENERAL: [1.0, 1.4, 1.4, 1.4, 1.4]}}
    journals = {"main": {"steps": steps([1.0], tokens={"web": 1, "elsewhere": 1})}}
    [finding] = advise(arms, journals=journals)["forgetting lasts"]
    assert finding["numbers"]["general_share"] is None
    assert "what it saw" not in finding["text"]


def test_a_recovery_is_told_and_a_late_one_is_answered(advise):
    arms = {
        "soon": {GENERAL: [1.0, 1.4, 0.8, 0.8, 0.8]},
        "late": {GENERAL: [1.0, 1.4, 1.4, 1.4, 0.9]},
    }
    soon, late = advise(arms)["gap"]
    assert soon["numbers"]["bottom"] == 10_000
    assert 15_000 < soon["numbers"]["recovery"] < 19_000
    assert soon["text"].startswith("General text fell 0.4")
    assert "bits per byte (0.3" in soon["text"]
    assert ") below the base by 10k tokens, and was back by 1" in soon["text"]
    assert soon["suggestion"] == ""
    assert 35_000 < late["numbers"]["recovery"] < 40_000
    assert late["suggestion"].startswith("Take a smaller subset")


def test_a_drop_on_its_way_back_is_told_a_fall_is_not(advise):
    arms = {
        "back": {GENERAL: [1.0, 1.6, 1.4, 1.3, 1.2]},
        "fall": {GENERAL: [1.0, 1.2, 1.3, 1.4, 1.6]},
    }
    [finding] = advise(arms)["gap"]
    assert finding["arm"] == "back"
    assert "not all of it" in finding["text"]
    assert finding["numbers"]["rebound"] == pytest.approx(0.4, abs=0.05)


def test_probes_that_fell_are_named(advise):
    down, flat = [1.0, 1.5, 1.2, 1.0, 1.0], FLAT
    arms = {
        "main": {
            GENERAL: down,
            ("books", "general", "bits_per_byte"): flat,
            ("maths", "general", "bits_per_byte"): down,
            DOMAIN: down,
        }
    }
    [finding] = advise(arms)["probes that fell"]
    assert finding["text"].startswith("2 of 3 general probes in bits per byte fell")
    assert ": web, maths. Deepest: " in finding["text"]
    assert finding["numbers"] == {"probes": 3, "fell": 2}


def test_a_domain_that_still_rises_asks_for_more_tokens(advise):
    arms = {
        "rising": {DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]},
        "level": {DOMAIN: [1.0, 0.7, 0.6, 0.6, 0.6]},
    }
    [finding] = advise(arms)["still rising"]
    assert finding["arm"] == "rising"
    assert finding["numbers"]["rise"] == pytest.approx(0.1, abs=0.05)
    assert finding["numbers"]["tokens"] == 10_000


def test_a_rise_that_is_sure_and_a_trifle_is_not_worth_a_line(advise):
    for last, spoken in [(0.395, False), (0.37, True)]:
        arms = {f"to {last}": {DOMAIN: [1.0, 0.5, 0.4, 0.4, last]}}
        assert ("still rising" in advise(arms, noise=0.0005)) is spoken


def test_a_domain_past_its_best_asks_for_fewer_epochs(advise):
    arms = {
        "over": {DOMAIN: [1.0, 0.7, 0.5, 0.6, 0.8]},
        "fine": {DOMAIN: [1.0, 0.8, 0.7, 0.6, 0.5]},
        "lost": {DOMAIN: [1.0, 1.1, 1.2, 1.3, 1.4]},
    }
    [finding] = advise(arms)["past its best"]
    assert finding["arm"] == "over"
    assert finding["numbers"]["tokens_to_peak"] == 20_000
    assert finding["numbers"]["lost"] == pytest.approx(0.3, abs=0.05)


def test_a_gain_within_noise_asks_for_items(advise):
    [finding] = advise({"main": {DOMAIN: FLAT}})["no clear gain"]
    assert finding["numbers"]["num_items"] == 40
    assert "over 40 items" in finding["text"]
    assert "the items, or further probes" in finding["suggestion"]
    assert "no clear gain" not in advise({"clear": {DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]}})


def test_a_training_loss_that_rose(advise):
    falling = [3.0 - 0.01 * k for k in range(80)]
    rose = (
        [3.0] * 20
        + [2.0 + 0.01 * (k % 5) for k in range(40)]
        + [2.5 + 0.01 * (k % 5) for k in range(20)]
    )
    journals = {"rose": {"steps": steps(rose)}, "fell": {"steps": steps(falling)}}
    arms = {"rose": {DOMAIN: FLAT}, "fell": {DOMAIN: FLAT}, "bare": {DOMAIN: FLAT}}
    [finding] = advise(arms, journals=journals)["loss rose"]
    assert finding["arm"] == "rose"
    assert finding["numbers"]["rise"] == pytest.approx(0.5)
    assert finding["numbers"]["rise_low"] > 0.48


def test_a_loss_that_rises_with_a_new_phase_is_no_fault(advise):
    rows = steps([2.0] * 60) + steps([3.0] * 60, phase=1)
    assert "loss rose" not in advise({"main": {DOMAIN: FLAT}}, journals={"main": {"steps": rows}})


def test_spikes_of_the_gradient_are_counted(advise):
    norms = [1.0] * 60
    norms[30], norms[40] = 12.0, 40.0
    journals = {"main": {"steps": steps([2.0] * 60, norms=norms)}}
    [finding] = advise({"main": {DOMAIN: FLAT}}, journals=journals)["gradient spikes"]
    assert finding["numbers"] == {"spikes": 2, "steps": 60, "largest": 40}
    assert "at 41k tokens" in finding["text"]
    norms[30] = 9.0
    journals = {"once": {"steps": steps([2.0] * 60, norms=norms)}}
    assert "gradient spikes" not in advise({"once": {DOMAIN: FLAT}}, journals=journals)


@pytest.mark.parametrize(
    ("cosines", "spoken"), [((-0.3, -0.2, -0.25, -0.2), True), ((-0.3, 0.2, -0.2, 0.1), False)]
)
def test_gradients_that_point_apart(advise, cosines, spoken):
    rows = [
        {"tokens_seen": seen, "gradients": {"cosine": cosine}}
        for seen, cosine in zip(TOKENS[1:], cosines, strict=True)
    ]
    found = advise({"main": {DOMAIN: FLAT}}, journals={"main": {"observations": rows}})
    assert ("gradients apart" in found) is spoken
    if spoken:
        assert found["gradients apart"][0]["numbers"]["cosine"] == pytest.approx(-0.2375)


@pytest.mark.parametrize(("bottom", "spoken"), [(3.0, True), (1.2, False)])
def test_bottom_layers_that_moved_further_where_general_text_was_worst(advise, bottom, spoken):
    moved = {"embeddings": 9.0, "0": bottom, "1": 1.0, "2": 9.0, "10": 1.0}
    rows = [{"tokens_seen": seen, "weight_update": moved} for seen in TOKENS[1:]]
    arms = {"main": {GENERAL: [1.0, 1.2, 1.5, 1.2, 1.0]}}
    found = advise(arms, journals={"main": {"observations": rows}})
    assert ("bottom layers move" in found) is spoken
    if spoken:
        numbers = found["bottom layers move"][0]["numbers"]
        assert numbers == {"rate_at_bottom": 3.0, "rate_at_end": 3.0, "bottom": 20_000}


def test_paper_1s_pattern_is_told_where_all_of_it_is_there(advise):
    arms = {
        "main": {
            DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6],
            ("exam", "domain", "accuracy"): accuracy([0.6, 0.3, 0.5, 0.7, 0.8], seed=1),
            ("quiz", "general", "accuracy"): accuracy([0.7, 0.6, 0.4, 0.6, 0.7], seed=2),
        }
    }
    found = advise(arms)
    [finding] = found["perplexity and tasks"]
    assert finding["numbers"] == {"domain_bottom": 10_000, "general_bottom": 20_000}
    assert "points of accuracy" in found["gap"][0]["text"]


def test_an_arm_that_is_better_on_both_sides(advise):
    arms = {
        "worse": {GENERAL: [1.0, 1.2, 1.3, 1.4, 1.4], DOMAIN: [1.0, 0.9, 0.9, 0.9, 0.9]},
        "better": {GENERAL: [1.0, 1.1, 1.1, 1.1, 1.1], DOMAIN: [1.0, 0.8, 0.7, 0.6, 0.5]},
    }
    found = advise(arms)
    [finding] = found["better on both"]
    assert finding["arm"] is None
    assert finding["text"].startswith("The arm better ended better than worse on both sides: the ")
    assert finding["numbers"]["domain"] == pytest.approx(0.4, abs=0.05)
    assert finding["numbers"]["general"] == pytest.approx(0.3, abs=0.05)
    [earlier] = found["reached earlier"]
    assert earlier["text"].startswith("The arm better had what worse ended with on the domain")
    assert 0 < earlier["numbers"]["tokens_high"] < earlier["numbers"]["of_tokens"] == 40_000
    assert "cannot be told apart" not in found


def test_arms_that_end_alike_cannot_be_told_apart(advise):
    half = {GENERAL: [1.0, 1.2, 1.3, 1.4, 1.4], DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]}
    found = advise({"a": half, "b": dict(half)})
    [finding] = found["cannot be told apart"]
    assert "reached earlier" not in found, "each has the other's end at its own end"
    assert finding["text"] == "The ends of b and a cannot be told apart: they differ not at all."
    assert "better on both" not in advise({"c": half, "d": dict(half)})


def test_seeds_that_disagree_unsay_what_one_of_them_says(advise):
    arms = {
        "s1": {DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]},
        "s2": {DOMAIN: [1.0, 1.1, 1.1, 1.2, 1.3]},
        "s3": {DOMAIN: FLAT},
    }
    [finding] = advise(arms, seeds=[["s1", "s2", "s3"]])["over seeds"]
    assert "which is no clear change" in finding["text"]
    assert finding["numbers"]["change_low"] < 0 < finding["numbers"]["change_high"]
    unclear = {f"u{k}": {DOMAIN: FLAT} for k in range(3)}
    assert "over seeds" not in advise(unclear, seeds=[["u0", "u1", "u2"]])
    agree = {f"t{k}": {DOMAIN: [1.0, 0.9, 0.8, 0.7, 0.6]} for k in range(3)}
    [finding] = advise(agree, seeds=[["t0", "t1", "t2"]])["over seeds"]
    assert "no clear change" not in finding["text"]
    assert finding["numbers"]["change_low"] > 0


def test_seeds_against_seeds_speak_where_they_lie_apart_and_are_silent_where_not(advise):
    def seeds(name, ends):
        return {f"{name}{k}": {DOMAIN: [1.0, 0.9, 0.9, 0.8, end]} for k, end in enumerate(ends)}

    groups = [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    apart = seeds("a", [0.79, 0.80, 0.81]) | seeds("b", [0.59, 0.60, 0.61])
    found = advise(apart, seeds=groups)
    [finding] = found["seeds apart"]
    assert "the 3 seeds b0, b1, b2 did better on the domain than the 3 seeds a0" in finding["text"]
    assert 0.1 < finding["numbers"]["difference_low"] < finding["numbers"]["difference"] < 0.25
    assert finding["numbers"]["tokens"] == TOKENS[-1]
    groups = [["c0", "c1", "c2"], ["d0", "d1", "d2"]]
    alike = seeds("c", [0.4, 0.6, 0.8]) | seeds("d", [0.35, 0.55, 0.75])
    found = advise(alike, seeds=groups)
    assert "seeds apart" not in found
    told = [each["text"] for each in found.get("cannot be told apart", [])]
    assert not any("c0 and c1" in text for text in told), "seeds of one group are no pair"


def test_every_rule_speaks_in_some_test_of_this_file():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f'"{rule.name}"' not in text] == []
