"""The page of a sweep."""

from gapless.report.numbers import metric_named, signed
from gapless.report.page import assemble
from gapless.report.sweeps import front, laws, proposal, ranking, responses
from gapless.report.sweeps.content import SweepContent, setting_name

_SECTIONS = (ranking.build, responses.build, front.build, laws.build, proposal.build)
"""Each returns None when the sweep has nothing of its kind."""
_BITS = metric_named("bits_per_byte")


def render_sweep(content: SweepContent) -> str:
    """Return the report as one HTML file; the same content gives the same bytes."""
    sections = [section for build in _SECTIONS if (section := build(content)) is not None]
    return assemble(
        title=_title(content),
        run_name=content.name,
        created=content.created,
        warnings=content.warnings,
        sections=sections,
    )


def _title(content: SweepContent) -> str:
    """Say in one line what came out."""
    number = len(content.settings)
    if not content.ranking:
        return f"{number:,} settings, none of them done"
    setting, gain, loss, _ = content.ranking[0]
    name, told = setting_name(setting), f"gain {signed(gain, _BITS)}, loss {signed(loss, _BITS)}"
    return f"{name} ranks first of {number:,} settings: {told} bits per byte"
