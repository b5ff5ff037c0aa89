"""Surrogate: small runs that decide the big one. Only numpy.

    trials.jsonl --read_trials--> Trials --fit--> Fit --critical_ratio--> share and its interval
                                     |             |
                                     `--validate---+--propose--> settings, gain, forgetting
                                     held-out ranks, errors      with intervals, what is outside

`laws.py` has the laws, one table; `regression.py` the baseline that a law must beat. `forms.py`
says what a law is once it is cut to a table of trials, `least_squares.py` minimises many problems
at once, `fitting.py` is a fit from many starts, `validation.py` what a law says of settings that it
has not seen, `replicates.py` how far it moves when trials weigh differently. `proposing.py` asks
the laws for the best settings, which `searching.py` finds inside the convex hull of what was tried
(`hull.py`).

To add a law: a function in `laws.py` that cuts it to columns, its source in the docstring, one line
in `LAWS`, one world in the tests that it is recovered from.
"""

from gapless.surrogate.critical import critical_ratio
from gapless.surrogate.estimates import Estimate
from gapless.surrogate.fitting import Fit, fit
from gapless.surrogate.laws import LAWS, Law, areas
from gapless.surrogate.proposing import Goal, Outside, Proposal, Side, propose
from gapless.surrogate.trials import Outcome, Trial, Trials, read_trials, write_trials
from gapless.surrogate.validation import Bar, Validation, validate

__all__ = [
    "LAWS",
    "Bar",
    "Estimate",
    "Fit",
    "Goal",
    "Law",
    "Outcome",
    "Outside",
    "Proposal",
    "Side",
    "Trial",
    "Trials",
    "Validation",
    "areas",
    "critical_ratio",
    "fit",
    "propose",
    "read_trials",
    "validate",
    "write_trials",
]
