"""The verbs that train briefly at many settings."""

from pathlib import Path
from typing import Annotated

import typer

from gapless.cli.failures import explained
from gapless.cli.options import Overrides, RecipeFile, RunFolder, Variants


@explained()
def sweep_verb(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP", help="The sweep's YAML file.")],
    *,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The sweep's folder; runs/NAME when left out."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Trials at a time, each in its own process.")
    ] = 1,
) -> None:
    """Train a recipe briefly at many settings, and rank them. `plan SWEEP` says what it costs."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.workflow.sweep import sweep as run_sweep

    with watching() as progress:
        result = run_sweep(sweep, run_dir=run_dir, jobs=jobs, progress=progress)
    render.sweep(result)
    typer.echo(f"report: {result.report}")


@explained()
def rates_verb(  # noqa: PLR0913 - one for each option
    recipe: RecipeFile,
    *,
    lowest: Annotated[float, typer.Option("--from", help="The smallest rate.")] = 1e-6,
    highest: Annotated[float, typer.Option("--to", help="The largest rate.")] = 1e-3,
    count: Annotated[int, typer.Option(help="How many rates.")] = 6,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="N", help="Tokens for each, like 200k; 40 steps by default."),
    ] = None,
    variants: Variants = None,
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
            variants=variants or (),
            overrides=overrides or (),
            run_dir=run_dir,
            progress=progress,
        )
    render.rates(search)


Law = Annotated[str, typer.Option(metavar="NAME", help="The law; `mixing` is of shares alone.")]


@explained()
def fit_verb(run_dir: RunFolder, *, law: Law = "mixing") -> None:
    """Fit a law to a sweep's trials, and test it on settings held out."""
    from gapless.cli import render
    from gapless.workflow.laws import fit_laws

    render.laws(fit_laws(run_dir, law=law))


@explained()
def propose_verb(
    run_dir: RunFolder,
    *,
    law: Law = "mixing",
    general_loss: Annotated[
        float, typer.Option(metavar="BITS", help="The most bits per byte general text may lose.")
    ] = 0.0,
    tokens: Annotated[
        str | None, typer.Option(metavar="N", help="Tokens of the big run, like 20B.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the recipe with the settings there.")
    ] = None,
) -> None:
    """Propose settings by a sweep's laws: the most gain for so much forgetting."""
    from gapless.cli import render
    from gapless.units import parse_tokens
    from gapless.workflow.laws import propose_settings

    try:
        budget = None if tokens is None else float(parse_tokens(tokens))
    except ValueError as error:
        raise typer.BadParameter(f"--tokens: {error}") from error
    render.proposal(
        propose_settings(run_dir, law=law, general_loss=general_loss, tokens=budget, out=out)
    )
