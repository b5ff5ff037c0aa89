"""The advisor: findings in plain words, each with the numbers behind it and a source.

    rows of the analysis, journals of the arms --Evidence--> rules --> findings

A rule is a function from the evidence to what it says, and a line in `RULES`. It is silent unless
an interval, or a bound over all points, bears out what it would say; what it says names that
interval. It suggests what its source tried, and says so where a cause is not shown.

To add one: a function in a file of rules, its line here with its source, a test in which it
speaks, and one in which it is silent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gapless.analysis import rules_between_arms, rules_one_arm, rules_training
from gapless.analysis.evidence import Evidence
from gapless.analysis.findings import Finding, Said


@dataclass(frozen=True)
class Rule:
    """One rule of the advisor."""

    name: str
    find: Callable[[Evidence], Iterator[Said]]
    source: str


_GUO = "Guo et al. 2024"
RULES = (
    Rule("over seeds", rules_between_arms.over_seeds, "Bouthillier et al. 2021"),
    Rule("seeds apart", rules_between_arms.seeds_apart, "Bouthillier et al. 2021; Welch 1947"),
    Rule(
        "forgetting lasts",
        rules_one_arm.forgetting_lasts,
        f"{_GUO}, strategy III, table 1, figure 5; Ibrahim et al. 2024",
    ),
    Rule("gap", rules_one_arm.gap, f"{_GUO}, sections 3 and 4, strategy I"),
    Rule("probes that fell", rules_one_arm.probes_that_fell, "Westfall and Young 1993"),
    Rule("perplexity and tasks", rules_training.perplexity_and_tasks, f"{_GUO}, section 3"),
    Rule("past its best", rules_one_arm.past_its_best, f"{_GUO}, figures 4b and 5c"),
    Rule("still rising", rules_one_arm.still_rising, f"{_GUO}, figure 4b (peak at epoch 4)"),
    Rule("no clear gain", rules_one_arm.no_clear_gain, "Efron and Tibshirani 1993"),
    Rule("loss rose", rules_training.loss_rose, f"{_GUO}, figures 5a and 5b"),
    Rule("gradient spikes", rules_training.gradient_spikes, "Chowdhery et al. 2022, section 5.1"),
    Rule(
        "gradients apart",
        rules_training.gradients_apart,
        "De Lange et al. 2022; Yu et al. 2020 (conflicting gradients)",
    ),
    Rule(
        "bottom layers move",
        rules_training.bottom_layers_move,
        f"{_GUO}, figure 3b and table 1; Zheng et al. 2025 (spurious forgetting)",
    ),
    Rule("better on both", rules_between_arms.better_on_both, "Berger 1982"),
    Rule("reached earlier", rules_between_arms.reached_earlier, f"{_GUO}, table 1"),
    Rule("cannot be told apart", rules_between_arms.cannot_be_told_apart, "docs/gap.md"),
)
"""In the order in which findings are told."""


def advise(evidence: Evidence) -> list[Finding]:
    """Return what the rules say of a run."""
    return [
        Finding(
            rule=rule.name,
            source=rule.source,
            arm=said.arm,
            text=said.text,
            suggestion=said.suggestion,
            numbers=dict(said.numbers),
        )
        for rule in RULES
        for said in rule.find(evidence)
    ]
