"""Files that hold one part and are no recipes: sweeps, claims."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gapless.errors import RecipeError
from gapless.recipe import yaml_lines
from gapless.recipe.decode import text_of
from gapless.recipe.fields import Part
from gapless.recipe.mistakes import loose_numbers, refuse, translate

PartT = TypeVar("PartT", bound=Part)


def load_part(path: Path, kind: type[PartT]) -> PartT:
    """Read a file that holds one part.

    Raises:
        RecipeError: the file is wrong; the message lists every mistake.

    """
    tree, origins = yaml_lines.read(text_of(path), str(path))
    if not isinstance(tree, dict):
        what = f"a {kind.__name__.lower()} is a mapping of settings"
        raise RecipeError(what, where=str(path))
    loose = loose_numbers(tree, kind)
    try:
        part = kind.model_validate(tree)
    except ValidationError as error:
        refuse(loose + translate(error, tree, kind), origins)
    if loose:
        refuse(loose, origins)
    return part
