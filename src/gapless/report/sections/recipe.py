"""The recipe that made the run, and the environment it ran in."""

from gapless.report.content import Content
from gapless.report.templating import Section, fill


def build(content: Content) -> Section:
    """Make the recipe's text and the table of the environment."""
    html = fill("recipe", recipe=content.recipe_yaml, environment=content.environment)
    return Section("recipe", "Recipe", html)
