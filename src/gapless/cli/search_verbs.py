"""The verbs that train briefly at many settings."""

from pathlib import Path
from typing import Annotated

import typer

from gapless.cli.failures import explained
from gapless.cli.options import Overrides, RecipeFile


@explained()
def sweep_verb(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP", help="The sweep's YAML file.")],
    *,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The sweep's folder; runs/NAME when left out."),
    ] = None,
) -> None:
    """Train a recipe briefly at many settings, and rank them. `plan SWEEP` says what it costs."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.workflow.sweep import sweep as run_sweep

    with watching() as progress:
        result = run_sweep(sweep, run_dir=run_dir, progress=progress)
    render.sweep(result)


@explained()
def rates_verb(
    recipe: RecipeFile,
    *,
    lowest: Annotated[float, typer.Option("--from", help="The smallest rate.")] = 1e-6,
    highest: Annotated[float, typer.Option("--to", help="The largest rate.")] = 1e-3,
    count: Annotated[int, typer.Option(help="How many rates.")] = 6,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="N", help="Tokens for each, like 200k; 40 steps by default."),
    ] = None,
    overrides: Overrides = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The search's folder; runs/NAME-rates when left out."),
    ] = None,
) -> None:
    """Train briefly at several learning rates, and propose one."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.units import parse_tokens
    from gapless.workflow import verbs

    try:
        amount = None if tokens is None else parse_tokens(tokens)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with watching() as progress:
        search = verbs.find_rate(
            recipe,
            between=(lowest, highest),
            count=count,
            tokens=amount,
            overrides=overrides or (),
            run_dir=run_dir,
            progress=progress,
        )
    render.rates(search)
