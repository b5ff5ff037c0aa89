"""Layers: how far the bottom and the top of each model moved from the base, and which way."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from gapless.report.content import ArmContent, Content, Trace
from gapless.report.layers import Ends, ends_of, gradient_sentence, layers_sentences
from gapless.report.numbers import MISSING, short
from gapless.report.plots import Plot, Table, curve_plot, curves_named, trace_plot
from gapless.report.templating import Section, fill

_ROLES = {"general": "General text", "domain": "Domain"}
_EQUAL: dict[str, Any] = {"y": 1.0, "arm": None, "name": "equally far"}
_ZERO: dict[str, Any] = {"y": 0.0, "arm": None, "name": "neither with nor against"}


def build(content: Content) -> Section | None:
    """Make the charts of what the hooks saw; nothing when nothing was watched."""
    ends = [ends_of(arm) for arm in content.arms]
    gradients = [arm.gradients for arm in content.arms]
    if not any(ends) and not any(gradients):
        return None
    html = fill(
        "layers",
        arms=[arm.name for arm in content.arms],
        plots=[*_plots(content.arms, ends), *_role(content.arms, "general")] if any(ends) else [],
        agreement=_agreement(content.arms) if any(gradients) else [],
        beside=_beside(content.arms, ends),
        findings=[
            (index, arm.name, [*(layers_sentences(arm, own) if own else []), said])
            for index, (arm, own) in enumerate(zip(content.arms, ends, strict=True))
            if (said := gradient_sentence(arm)) or own
        ],
        parts=_table(content.arms),
        batches=sorted({g.domain_tokens + g.general_tokens for g in gradients if g}),
    )
    return Section("layers", "Layers", html)


def _plots(arms: Sequence[ArmContent], ends: Sequence[Ends | None]) -> list[Plot]:
    plots = [
        trace_plot(
            arms,
            [_percents(own.mean(end, "update")) if own else Trace() for own in ends],
            title=f"{end.capitalize()} layers",
            subtitle=f"{_which(ends, end)}: change since the base, % of the base's norm",
            log=True,
        )
        for end in ("bottom", "top")
    ]
    rates = [own.rate() if own else Trace() for own in ends]
    if any(rate.tokens for rate in rates):
        subtitle = "how many times as far the bottom layers have moved as the top layers"
        title = "Rate of bottom to top"
        plots.append(
            trace_plot(arms, rates, title=title, subtitle=subtitle, log=True, levels=[_EQUAL])
        )
    return plots


def _agreement(arms: Sequence[ArmContent]) -> list[Plot]:
    cosines = [arm.gradients.cosine if arm.gradients else Trace() for arm in arms]
    pulls = [_pull(arm) for arm in arms]
    return [
        trace_plot(
            arms,
            cosines,
            title="Cosine of the gradients",
            subtitle="of domain and of general text; 1 is the same direction",
            log=True,
            levels=[_ZERO],
        ),
        trace_plot(
            arms,
            pulls,
            title="Domain's gradient",
            subtitle="its norm as a multiple of that on general text",
            log=True,
            levels=[{**_EQUAL, "name": "equally strong"}],
        ),
    ]


def _pull(arm: ArmContent) -> Trace:
    gradients = arm.gradients
    if gradients is None:
        return Trace()
    domain, general = gradients.domain_norm, gradients.general_norm
    pairs = zip(domain.tokens, domain.values, general.values, strict=True)
    known = [(seen, own / other) for seen, own, other in pairs if other]
    return Trace(tokens=tuple(s for s, _ in known), values=tuple(v for _, v in known))


def _beside(arms: Sequence[ArmContent], ends: Sequence[Ends | None]) -> list[Plot]:
    """Return small charts to hold against the others: the pace, and what the model could do."""
    plots = []
    if any(ends):
        plots = [
            _small(
                trace_plot(
                    arms,
                    [_percents(own.mean(end, "pace")) if own else Trace() for own in ends],
                    title=f"Pace, {end} layers",
                    subtitle="% per million tokens, since the measurement before",
                    log=True,
                )
            )
            for end in ("bottom", "top")
        ]
    roles = ("domain",) if any(ends) else ("general", "domain")
    return plots + [_small(plot) for role in roles for plot in _role(arms, role)]


def _role(arms: Sequence[ArmContent], role: str) -> list[Plot]:
    """Return the chart of the mean over a role, where there is one."""
    curves = curves_named(arms).get((role, "bits_per_byte"))
    return [curve_plot(curves, title=_ROLES[role])] if curves else []


def _small(plot: Plot) -> Plot:
    return replace(plot, spec={**plot.spec, "small": True})


def _table(arms: Sequence[ArmContent]) -> Table:
    """Return every part's update at the end of each arm."""
    ends = [{part.name: part.update.values[-1:] for part in arm.parts} for arm in arms]
    names = dict.fromkeys(part.name for arm in arms for part in arm.parts)
    rows = tuple(
        (name, *(short(100 * own[name][0]) if own.get(name) else MISSING for own in ends))
        for name in names
    )
    note = "Change since the base at the end, in % of the base's norm; layers count from the input."
    return Table(("Part", *(arm.name for arm in arms)), rows, note)


def _percents(trace: Trace) -> Trace:
    return Trace(tokens=trace.tokens, values=tuple(100 * value for value in trace.values))


def _which(ends: Sequence[Ends | None], end: Literal["bottom", "top"]) -> str:
    """Name the layers of one end; those of the largest model where arms differ."""
    own = max((getattr(each, end) for each in ends if each), key=len)
    first, last = own[0].name, own[-1].name
    return f"layer {first}" if len(own) == 1 else f"mean of layers {first} to {last}"
