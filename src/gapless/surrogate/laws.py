"""The laws: what a loss, or its change, is held to be a function of.

    mixing                 shares -> loss              Ye et al. 2024
    d_cpt                  domain share, tokens, parameters -> domain loss      Que et al. 2024
    d_cpt_general          the same of the general share -> general loss
    critical_ratio         domain share, tokens -> change of general loss       after Gu et al. 2024
    critical_ratio_domain  domain share, tokens -> domain loss                  after Gu et al. 2024
    learning_curve         summed learning rates -> loss in the course of runs  Wang et al. 2025
    regression             every setting -> any metric                          the baseline

A law is cut to a table of trials: what does not differ between them cannot be fitted, and its
parameters are left out (`Form`). All but ``mixing`` and ``regression`` are for metrics where lower
is better. Parameters are in the form's units: columns are divided by their typical value first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gapless.errors import DataError
from gapless.surrogate.forms import (
    Form,
    Parameter,
    Values,
    needed,
    numbers,
    positive,
    typical,
    varies,
)
from gapless.surrogate.regression import cut_regression
from gapless.surrogate.trials import DOMAIN_SHARE, SHARE, Columns


@dataclass(frozen=True, kw_only=True)
class Law:
    """A name's form."""

    cut: Callable[[Columns], Form]
    of_changes: bool = False
    """Whether it predicts the change over the base model's value."""
    along: frozenset[str] = frozenset()
    """Settings that change in the course of one run: its rows are held out together."""


def _cut_mixing(columns: Columns) -> Form:
    """Mixing law: L(r) = c + k exp(sum_j t_j r_j) over shares r (Ye et al. 2024, arXiv 2403.16952).

    Shares sum to 1, so that adding to every t and dividing k says the same: the last source's t is
    0 here, and c + k is the loss on it alone. A source whose share never changes is left out. k may
    be negative, for a metric where higher is better. Tokens and size are those of the trials.
    """
    names = [n for n in columns if n.startswith(SHARE) and varies(numbers(columns, n, "mixing"))]
    if len(names) < 2:
        raise DataError(
            "the law 'mixing' needs shares that differ between trials",
            mend="Give 'share/<source>' of two sources or more.",
        )
    slopes = tuple(
        Parameter(name=_slope(name), low=-12.0, high=12.0, start=(-4.0, 4.0)) for name in names[:-1]
    )

    def formula(p: Values, x: Columns) -> np.ndarray:
        power = sum((p[_slope(name)] * x[name] for name in names[:-1]), start=np.zeros(1))
        loss: np.ndarray = p["c"] + p["k"] * np.exp(power)
        return loss

    linear = (Parameter(name="c", linear=True), Parameter(name="k", linear=True))
    return Form(parameters=linear + slopes, reads=tuple(names), formula=formula)


def _slope(name: str) -> str:
    return f"t/{name.removeprefix(SHARE)}"


def _cut_d_cpt(columns: Columns, *, general: bool) -> Form:
    """D-CPT law: L = E + A / N^alpha + B r^eta / D^beta + C / (r + eps)^gamma.

    N parameters, D tokens, r the share of the text whose loss it is: the domain's, or with
    ``general`` the general share, 1 less the domain's (Que et al. 2024, arXiv 2406.01375). Where N
    does not differ between trials its term is part of E. Where D does not, beta is left out and B
    is over that D^beta (this is ours).
    """
    law = "d_cpt_general" if general else "d_cpt"
    share = needed(columns, DOMAIN_SHARE, law)
    if not varies(share):
        raise DataError(f"the law {law!r} needs a domain share that differs between trials")
    sizes = "parameters" in columns and varies(positive(columns, "parameters", law))
    lengths = "tokens" in columns and varies(positive(columns, "tokens", law))
    parameters = [Parameter(name="E", linear=True)]
    if sizes:
        parameters += [
            Parameter(name="A", low=0.0, linear=True),
            Parameter(name="alpha", low=0.0, high=3.0, start=(0.05, 1.0)),
        ]
    parameters += [
        Parameter(name="B", low=0.0, linear=True),
        Parameter(name="eta", low=0.0, high=10.0, start=(0.1, 3.0)),
    ]
    if lengths:
        parameters += [Parameter(name="beta", low=0.0, high=3.0, start=(0.05, 1.0))]
    parameters += [
        Parameter(name="C", low=0.0, linear=True),
        Parameter(name="eps", low=1e-4, high=2.0, start=(0.01, 1.0)),
        Parameter(name="gamma", low=0.0, high=6.0, start=(0.05, 2.0)),
    ]

    def formula(p: Values, x: Columns) -> np.ndarray:
        r = np.clip(1 - x[DOMAIN_SHARE] if general else x[DOMAIN_SHARE], 0.0, 1.0)
        data = p["B"] * r ** p["eta"]
        if lengths:
            data = data / x["tokens"] ** p["beta"]
        loss: np.ndarray = p["E"] + data + p["C"] / (r + p["eps"]) ** p["gamma"]
        return loss + p["A"] / x["parameters"] ** p["alpha"] if sizes else loss

    scaled = ["parameters"] * sizes + ["tokens"] * lengths
    return Form(
        parameters=tuple(parameters),
        reads=(DOMAIN_SHARE, *scaled),
        formula=formula,
        units={name: typical(columns[name]) for name in scaled},
    )


def _cut_critical(columns: Columns) -> Form:
    """Change of general loss: a r^s D^p - b D^q, over domain share r and tokens D.

    Gu et al. 2024 (arXiv 2407.17467) find power laws of loss in share and tokens, and a critical
    mixture ratio, the largest share that keeps the general loss in tolerance, that is a power law
    in tokens. The sum of two powers is ours: what replayed text still teaches, b D^q, against what
    domain text makes forgotten, a r^s D^p; it is the simplest that has both signs and such a ratio,
    (b / a D^(q - p))^(1 / s). With a D that does not differ p and q are left out.
    """
    law = "critical_ratio"
    if not varies(needed(columns, DOMAIN_SHARE, law)):
        raise DataError(f"the law {law!r} needs a domain share that differs between trials")
    lengths = "tokens" in columns and varies(positive(columns, "tokens", law))
    parameters = [
        Parameter(name="a", low=0.0, linear=True),
        Parameter(name="s", low=0.0, high=12.0, start=(0.3, 5.0)),
        Parameter(name="b", low=0.0, linear=True),
    ]
    if lengths:
        powers = (Parameter(name=name, low=-2.0, high=2.0, start=(-0.5, 0.5)) for name in "pq")
        parameters += powers

    def formula(p: Values, x: Columns) -> np.ndarray:
        forgotten = p["a"] * np.clip(x[DOMAIN_SHARE], 0.0, 1.0) ** p["s"]
        taught = p["b"]
        if lengths:
            forgotten = forgotten * x["tokens"] ** p["p"]
            taught = taught * x["tokens"] ** p["q"]
        change: np.ndarray = forgotten - taught
        return change

    return Form(
        parameters=tuple(parameters),
        reads=(DOMAIN_SHARE, *["tokens"] * lengths),
        formula=formula,
        units={"tokens": typical(columns["tokens"])} if lengths else {},
    )


def _cut_critical_domain(columns: Columns) -> Form:
    """Domain loss: E + B / (r^s D^q), over domain share r above 0 and tokens D.

    The power laws of Gu et al. 2024 (arXiv 2407.17467) in share and in tokens, as one product; that
    they multiply is ours. With a D that does not differ q is left out.
    """
    law = "critical_ratio_domain"
    if not varies(positive(columns, DOMAIN_SHARE, law)):
        raise DataError(f"the law {law!r} needs a domain share that differs between trials")
    lengths = "tokens" in columns and varies(positive(columns, "tokens", law))
    parameters = [
        Parameter(name="E", linear=True),
        Parameter(name="B", low=0.0, linear=True),
        Parameter(name="s", low=0.0, high=6.0, start=(0.05, 2.0)),
    ]
    if lengths:
        parameters += [Parameter(name="q", low=0.0, high=3.0, start=(0.05, 1.0))]

    def formula(p: Values, x: Columns) -> np.ndarray:
        seen = x[DOMAIN_SHARE] ** p["s"]
        loss: np.ndarray = p["E"] + p["B"] / (seen * x["tokens"] ** p["q"] if lengths else seen)
        return loss

    return Form(
        parameters=tuple(parameters),
        reads=(DOMAIN_SHARE, *["tokens"] * lengths),
        formula=formula,
        units={"tokens": typical(columns["tokens"])} if lengths else {},
    )


FORWARD, ANNEALING = "forward_area", "annealing_area"


def _cut_learning_curve(columns: Columns) -> Form:
    """Learning curve: L0 + A (P + S1)^-alpha - C S2 + B (1 - (1 + G S1)^-beta).

    Wang et al. 2025 (arXiv 2505.07796): the loss moves from the curve of the old text to that of
    the new; S1, the sum of the learning rates so far, drives both the curve and the shift, which is
    a power law in it, and S2 is the annealing area (`areas`). Seen in summaries: these parts, and
    their arguments. The exact terms are as recalled, and unverified. Ours: the sum P of the rates
    of pre-training is fitted, since a base model's own are seldom known; its annealing is part of
    L0; S2 is left out where no rate fell. B is below 0 for a loss that the new text lowers. One
    mixture at a time: no share is read. Both areas are in units of the largest in the trials.
    """
    law = "learning_curve"
    forward = needed(columns, FORWARD, law)
    if forward.min() < 0 or not varies(forward):
        raise DataError(f"the law {law!r} needs {FORWARD!r} of 0 or more that grows in a run")
    anneals = ANNEALING in columns and varies(numbers(columns, ANNEALING, law))
    parameters = [
        Parameter(name="L0", linear=True),
        Parameter(name="A", low=0.0, linear=True),
        Parameter(name="P", low=1e-4, high=1e4, start=(0.01, 10.0)),
        Parameter(name="alpha", low=0.0, high=3.0, start=(0.05, 1.0)),
        Parameter(name="B", linear=True),
        Parameter(name="G", low=1e-3, high=1e5, start=(0.3, 300.0)),
        Parameter(name="beta", low=0.0, high=5.0, start=(0.1, 2.0)),
    ]
    if anneals:
        parameters += [Parameter(name="C", low=0.0, linear=True)]

    def formula(p: Values, x: Columns) -> np.ndarray:
        s1 = x[FORWARD]
        loss: np.ndarray = p["L0"] + p["A"] * (p["P"] + s1) ** -p["alpha"]
        loss = loss + p["B"] * (1 - (1 + p["G"] * s1) ** -p["beta"])
        return loss - p["C"] * x[ANNEALING] if anneals else loss

    reads = (FORWARD, *[ANNEALING] * anneals)
    return Form(
        parameters=tuple(parameters),
        reads=reads,
        formula=formula,
        units={name: float(np.abs(columns[name]).max()) for name in reads},
    )


def areas(rates: np.ndarray, *, decay: float = 0.999) -> tuple[np.ndarray, np.ndarray]:
    """Return the forward and the annealing area after each step: ``forward_area, annealing_area``.

    ``rates`` are the learning rates of a run's steps, of shape (steps,). The forward area is their
    sum so far. The annealing area is the sum over steps of an average of how far the rate has
    fallen, each fall counting ``decay`` times less with each step after it (Tissue et al. 2024,
    arXiv 2408.11029, as Wang et al. 2025 take it over). A rate that rises counts as a negative
    fall: for a warm-up those papers take the peak rate instead, which the caller may do.
    """
    falls = -np.diff(rates, prepend=rates[:1])
    momentum = np.empty(len(rates))
    carried = 0.0
    for step, fall in enumerate(falls):
        carried = decay * carried + float(fall)
        momentum[step] = carried
    return np.cumsum(rates), np.cumsum(momentum)


LAWS = {
    "mixing": Law(cut=_cut_mixing),
    "d_cpt": Law(cut=lambda columns: _cut_d_cpt(columns, general=False)),
    "d_cpt_general": Law(cut=lambda columns: _cut_d_cpt(columns, general=True)),
    "critical_ratio": Law(cut=_cut_critical, of_changes=True),
    "critical_ratio_domain": Law(cut=_cut_critical_domain),
    "learning_curve": Law(cut=_cut_learning_curve, along=frozenset({FORWARD, ANNEALING, "tokens"})),
    "regression": Law(cut=cut_regression),
}


def law_of(name: str) -> Law:
    """Return a law.

    Raises:
        DataError: there is none of that name.

    """
    if name not in LAWS:
        raise DataError(f"there is no law {name!r}", mend=f"Laws are {', '.join(LAWS)}.")
    return LAWS[name]
