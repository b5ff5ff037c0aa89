"""Mixing: how much of the run each source gets. Repetition is derived, and capped.

    mixture, selected tokens --shares_of--> shares --plan_phase--> rows of each source

A row (``context`` tokens of one source) is the quantum: rows are apportioned exactly, so what a
plan promises is what a run does, to the token.

To add a mixture: one model in ``recipe/mixtures.py``, one branch in ``shares.py``, one test.
"""

from gapless.mixing.apportion import apportion
from gapless.mixing.phases import PhaseRows, plan_phases
from gapless.mixing.shares import shares_of

__all__ = ["PhaseRows", "apportion", "plan_phases", "shares_of"]
