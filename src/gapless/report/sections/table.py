"""The sections in their order on the page."""

from collections.abc import Callable

from gapless.report.content import Content
from gapless.report.sections import curves, gap, headline, mixture, recipe, scores, text, training
from gapless.report.templating import Section

SECTIONS: tuple[Callable[[Content], Section], ...] = (
    headline.build,
    curves.build,
    gap.build,
    mixture.build,
    training.build,
    text.build,
    scores.build,
    recipe.build,
)
