"""Open a recipe: its run's folder, and the tree of its stages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gapless.errors import RecipeError
from gapless.mixing import Rule
from gapless.recipe import Recipe, arms, load
from gapless.recipe.mixtures import OwnRule
from gapless.records.fingerprint import FileHashes
from gapless.workflow.engine import Engine
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.stage import HashesOfPlan, Workplace
from gapless.workflow.tree import Tree, build_tree


def open_run(
    recipe: Path,
    overrides: Sequence[str],
    run_dir: str | Path | None,
    variants: Sequence[str] = (),
) -> tuple[Recipe, RunFolder]:
    """Return a recipe, or ``variants`` of it, and the folder of its run.

    Raises:
        RecipeError: the recipe has mistakes.
        RunError: the folder is another recipe's.

    """
    decoded = load(recipe, overrides, variants=variants)
    place = Path(run_dir) if run_dir else recipe.parent / "runs" / decoded.name
    folder = RunFolder(place.resolve() if decoded.engine == "ray" else place)
    folder.check_recipe(decoded)
    return decoded, folder


@contextmanager
def tree_of(
    decoded: Recipe,
    recipe: Path,
    folder: RunFolder,
    *,
    observe: Callable[[str, int], Any] = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
    rules: Mapping[str, Rule] | None = None,
    assumes: bool = False,
    **place_settings: Any,
) -> Iterator[Tree]:
    """Build a recipe's stages, remembering file hashes when the run folder is there.

    With ``assumes``, what the recipe assumes stands for sources and a model that are not there: it
    can be planned with, and no more. ``place_settings`` are further ones of `Workplace`.
    """
    hashes = (HashesOfPlan if assumes else FileHashes)(folder.path / "hashes.json")
    try:
        place = Workplace(
            recipe_dir=recipe.resolve().parent,
            root=folder.artifacts,
            hashes=hashes,
            engine=Engine(decoded.engine, stop),
            assumes=assumes,
            **place_settings,
        )
        yield build_tree(decoded, place=place, observe=observe, stop=stop, rules=rules)
    finally:
        hashes.save()


def check_rules(recipe: Recipe, rules: Mapping[str, Rule], path: Path) -> None:
    """Refuse a recipe whose own rules nobody gave, before anything is spent."""
    for arm in arms(recipe).values():
        for number, phase in enumerate(arm.order.phases):
            if isinstance(phase.mixture, OwnRule) and phase.mixture.name not in rules:
                raise RecipeError(
                    f"nobody gave the rule {phase.mixture.name!r}",
                    where=f"{path}: order.phases[{number}].mixture",
                    mend="Call gapless.run from Python with rules={NAME: function}.",
                )
