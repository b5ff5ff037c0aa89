"""Make a recipe of a config of another tool."""

from pathlib import Path

from gapless.interchange import Imported
from gapless.interchange import import_config as import_text
from gapless.interchange.json_lines import refuse_existing
from gapless.records.artifact import write_text


def import_config(
    config: str | Path, out: str | Path | None = None, *, devices: int = 1
) -> Imported:
    """Return the recipe that a config of LLaMA-Factory or axolotl comes to; with ``out``, write it.

    Paths of the recipe begin in the folder of ``out``, or here. ``devices`` is how many the config
    was meant for, which it does not say: a step's tokens are in proportion to it.

    Raises:
        RecipeError: the file is no such config, or its stage is nothing that gapless does.
        RunError: ``out`` is there already.

    """
    place = None if out is None else Path(out)
    if place is not None:
        refuse_existing(place)
    recipe_dir = Path.cwd() if place is None else place.parent
    imported = import_text(Path(config), recipe_dir=recipe_dir, devices=devices)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, imported.text)
    return imported
