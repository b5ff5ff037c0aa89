"""The sections in their order on the page."""

from collections.abc import Callable

from gapless.report.content import Content
from gapless.report.sections import curves, data, gap, headline, mixture, recipe, training
from gapless.report.templating import Section

SECTIONS: tuple[Callable[[Content], Section], ...] = (
    headline.build,
    curves.build,
    gap.build,
    mixture.build,
    training.build,
    data.build,
    recipe.build,
)
