"""Recipes to start from: the demo's, and the commented one of ``gapless init``.

They are YAML files in this folder; ``tests/workflow/test_starters.py`` loads and plans each.
"""

from pathlib import Path

from gapless.errors import RunError
from gapless.records.artifact import write_text

_HERE = Path(__file__).parent
_DATA_NOTE = """Put your text here: JSON Lines (.jsonl, also .gz and .zst), Parquet, .txt or .md.

    data/domain/    what the model is to learn
    data/general/   what it must not forget (optional: the recipe starts with shipped text)
"""


def write_demo(directory: Path, *, offline: bool) -> Path:
    """Write the demo's recipe into ``directory`` and return its path."""
    from gapless import assets

    if not offline and assets.locate("pubmed2021") is None:
        raise_mend = (
            "Run `gapless assets fetch pubmed2021` once with a network, or add --offline to learn "
            "from the shipped medical definitions instead."
        )
        raise RunError("the demo's medical text is not here yet", mend=raise_mend)
    name = "demo_offline.yaml" if offline else "demo.yaml"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    if not path.is_file():
        write_text(path, (_HERE / name).read_text())
    return path


def write_starter(directory: Path) -> list[Path]:
    """Write a commented recipe and a place for data; nothing that is there is overwritten."""
    recipe, note = directory / "recipe.yaml", directory / "data" / "README.txt"
    if recipe.exists():
        raise RunError(
            "there is a recipe already; it was left as it is",
            where=str(recipe),
            mend="Choose another folder, or edit that recipe.",
        )
    for folder in ("domain", "general"):
        (directory / "data" / folder).mkdir(parents=True, exist_ok=True)
    write_text(recipe, (_HERE / "starter.yaml").read_text())
    write_text(note, _DATA_NOTE)
    return [recipe, note]
