"""The proposal: what laws would take for the big run, and what they expect of it."""

from gapless.records.sweep_views import Bounds
from gapless.report.numbers import interval, metric_named, percent, short, signed, value
from gapless.report.sweeps.content import SweepContent
from gapless.report.templating import Section, fill

_BITS = metric_named("bits_per_byte")
_SHARE = "share/"


def build(content: SweepContent) -> Section | None:
    """Make the section, if anything was proposed."""
    found = content.proposal
    if found is None:
        return None
    html = fill(
        "sweep_proposal",
        shares=[
            (name.removeprefix(_SHARE), percent(float(share)), f"{float(share):.4f}")
            for name, share in found.settings.items()
            if name.startswith(_SHARE)
        ],
        others=[
            (name.replace("_", " "), short(given) if isinstance(given, float) else given)
            for name, given in found.settings.items()
            if not name.startswith(_SHARE)
        ],
        numbers=[
            ("Domain gain", *_bounds(found.gain)),
            ("General loss", *_bounds(found.forgetting)),
        ],
        kept=percent(found.kept),
        law=found.law,
        bound=value(found.general_loss, _BITS),
        tokens=found.tokens,
        extrapolated=found.extrapolated,
        outside_hull=found.outside_hull,
        unread=found.unread,
    )
    return Section("proposal", "Proposal", html)


def _bounds(bounds: Bounds) -> tuple[str, str]:
    found, low, high = bounds
    return signed(found, _BITS), interval(low, high, _BITS)
