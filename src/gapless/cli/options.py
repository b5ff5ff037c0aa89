"""Arguments and options that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe's YAML file.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help="A variant of the recipe, chosen before --set. Repeatable.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change the recipe: training.learning_rate=1e-4. Repeatable.",
    ),
]
RunDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="The run's folder; runs/NAME beside the recipe when left out."
    ),
]
