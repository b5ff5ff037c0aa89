"""Who hears of a run's trainings: the terminal, and the trackers of the recipe's `logging`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gapless.recipe import Recipe, arms
from gapless.records.views import Progress
from gapless.workflow.run import ArmObserver
from gapless.workflow.together import is_first


@contextmanager
def observers(
    recipe: Recipe, run_dir: Path, progress: Progress
) -> Iterator[Callable[[str, int], Any]]:
    """Give what makes an arm's observer from its name and its tokens.

    Raises:
        RecipeError: a tracker's package is not installed.

    """

    def watched(arm: str, total_tokens: int) -> ArmObserver:
        return ArmObserver(arm, total_tokens, progress)

    if not recipe.logging or not is_first():
        yield watched
        return
    from gapless.tracking import Tracking, check_installed

    check_installed(recipe.logging)
    settings = {name: arm.model_dump(mode="json") for name, arm in arms(recipe).items()}
    with Tracking(recipe, run_dir, note=progress.note) as tracking:
        yield lambda arm, tokens: tracking.of_arm(arm, settings[arm], watched(arm, tokens))
