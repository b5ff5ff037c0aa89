"""Mixing: how much of the run each stratum gets. Repetition is derived, and capped.

    mixture, supply --shares_of--> shares --plan_phases--> stretches: rows of each stratum
    readings --Rounds.decide--> a row of the mixture log --Rounds.stretches--> more stretches

A row (``context`` tokens of one stratum) is the quantum: rows are apportioned exactly, so what a
plan promises is what a run does, to the token.

To add a mixture: one model in ``recipe/mixtures.py``, one branch in ``shares.py``, one test. To add
a rule that reacts: one model there, one function in ``feedback.py``, one branch in ``rounds.py``.
"""

from gapless.mixing.apportion import apportion
from gapless.mixing.feedback import Move, setting, target_moves, topic_groups, topic_moves
from gapless.mixing.phases import PhasePlan, plan_phases
from gapless.mixing.rounds import Decision, Rounds, Rule, probe_of
from gapless.mixing.shares import Supply, shares_of

__all__ = [
    "Decision",
    "Move",
    "PhasePlan",
    "Rounds",
    "Rule",
    "Supply",
    "apportion",
    "plan_phases",
    "probe_of",
    "setting",
    "shares_of",
    "target_moves",
    "topic_groups",
    "topic_moves",
]
