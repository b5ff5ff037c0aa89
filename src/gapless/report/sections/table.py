"""The sections in their order on the page."""

from collections.abc import Callable

from gapless.report.content import Content
from gapless.report.sections import (
    curriculum,
    curves,
    findings,
    gap,
    headline,
    layers,
    mixture,
    profile,
    recipe,
    samples,
    scores,
    synthesis,
    text,
    topics,
    training,
)
from gapless.report.templating import Section

SECTIONS: tuple[Callable[[Content], Section | None], ...] = (
    headline.build,
    findings.build,
    curves.build,
    gap.build,
    profile.build,
    samples.build,
    mixture.build,
    topics.build,
    curriculum.build,
    training.build,
    layers.build,
    synthesis.build,
    text.build,
    scores.build,
    recipe.build,
)
"""Each returns None when the run has nothing of its kind: then the page has no such section."""
