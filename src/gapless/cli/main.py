"""The verbs of the command line. Everything heavy is imported inside the verb that needs it."""

from pathlib import Path
from typing import Annotated

import typer

from gapless import __version__
from gapless.cli.asset_verbs import assets_app
from gapless.cli.claim_verbs import claims_verb
from gapless.cli.failures import explained
from gapless.cli.interchange_verbs import export_app, import_verb
from gapless.cli.options import Overrides, RecipeFile, RunDir, RunFolder, Variants
from gapless.cli.search_verbs import fit_verb, propose_verb, rates_verb, sweep_verb
from gapless.records.comparison_views import Align

app = typer.Typer(
    help="Continual pre-training that measures, and closes, the stability gap.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(assets_app, name="assets")
app.add_typer(export_app, name="export")


def run() -> None:
    """Answer the command line: the entry point of ``gapless``."""
    app()


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer's callback
    if asked:
        typer.echo(f"gapless {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command("init")
@explained()
def init_verb(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Write a commented recipe and a place for data."""
    from gapless.cli import render
    from gapless.workflow import verbs

    render.init(verbs.init(directory))


@app.command("plan")
@explained()
def plan_verb(
    recipe: RecipeFile,
    *,
    variants: Variants = None,
    overrides: Overrides = None,
    run_dir: RunDir = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Prepare and count the text first.")
    ] = False,
) -> None:
    """Show what a run, or a sweep, would do and cost. Spends nothing."""
    from gapless.cli import render
    from gapless.recipe.sweep_trials import is_sweep
    from gapless.recipe.variants import variant_names
    from gapless.workflow import verbs

    if is_sweep(recipe):
        if overrides or exact or variants:
            raise typer.BadParameter("a sweep is planned as it is: write it under `changes`")
        from gapless.workflow.sweep import plan_sweep

        render.plan(plan_sweep(recipe, run_dir=run_dir))
        return
    render.plan(
        verbs.plan(
            recipe,
            variants=variants or (),
            overrides=overrides or (),
            run_dir=run_dir,
            exact=exact,
        )
    )
    if not variants and (names := variant_names(recipe)):
        typer.echo(f"variants: {', '.join(names)} (--variant NAME)")


@app.command("run")
@explained()
def run_verb(
    recipe: RecipeFile,
    *,
    variants: Variants = None,
    overrides: Overrides = None,
    until: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Stop after this stage; `plan` lists them.")
    ] = None,
    run_dir: RunDir = None,
    allow_contamination: Annotated[
        bool,
        typer.Option(
            "--allow-contamination", help="Go on though the recipe turns decontamination off."
        ),
    ] = False,
) -> None:
    """Do what is missing of a run, and write its report. Goes on where it was stopped."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.workflow import verbs
    from gapless.workflow.together import is_first

    with watching(quiet=not is_first()) as progress:
        result = verbs.run(
            recipe,
            variants=variants or (),
            overrides=overrides or (),
            run_dir=run_dir,
            until=until,
            allow_contamination=allow_contamination,
            progress=progress,
        )
    if is_first():
        render.run(result)


@app.command("synthesize")
@explained()
def synthesize_verb(  # noqa: PLR0913 - one for each option
    recipe: RecipeFile,
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="One of its syntheses; all when left out. Repeatable."),
    ] = None,
    pilot: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Only N requests; `plan` estimates by them."),
    ] = None,
    batches: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Ask nobody: write what is to be asked into files there."),
    ] = None,
    responses: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="With --batches: the answers to such. Repeatable."),
    ] = None,
    variants: Variants = None,
    overrides: Overrides = None,
    run_dir: RunDir = None,
) -> None:
    """Have a language model write what a recipe asks for. Nothing is paid for twice."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.records.synthesis_views import Batch
    from gapless.workflow import verbs

    if responses and batches is None:
        raise typer.BadParameter("give --batches too: what has no answer yet is written there")
    batch = None
    if batches is not None:
        batch = Batch(requests_to=batches, responses_from=tuple(responses or ()))
    with watching() as progress:
        written = verbs.synthesize(
            recipe,
            only=only or (),
            pilot=pilot,
            batch=batch,
            variants=variants or (),
            overrides=overrides or (),
            run_dir=run_dir,
            progress=progress,
        )
    render.synthesized(written)


@app.command("status")
@explained()
def status_verb(
    run_dir: RunFolder,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep looking, with the curves as they grow.")
    ] = False,
) -> None:
    """Show how far a run is."""
    from gapless.cli import render
    from gapless.workflow import verbs

    if watch:
        from gapless.cli.watch import watch as watch_run

        watch_run(verbs.watch(run_dir))
    else:
        render.status(verbs.status(run_dir))


@app.command("report")
@explained()
def report_verb(
    run_dir: RunFolder,
    *,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every figure there, as SVG.")
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="With --figures: as PNG too, by the Chromium here.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy a model there, with its cards.")
    ] = None,
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --export: which arm's.")
    ] = None,
    average: Annotated[
        bool, typer.Option("--average", help="With --export: the average of its weights.")
    ] = False,
) -> None:
    """Write the report and the cards of a finished run again; its figures, a model with its card.

    The figures are a paper's column wide. The cards are in RUN/cards: README.md of every model, and
    DATA.md of the text.
    """
    from gapless.workflow import verbs

    if png and figures is None:
        raise typer.BadParameter("--png takes --figures DIR")
    if (arm or average) and export is None:
        raise typer.BadParameter("--arm and --average take --export DIR")
    typer.echo(verbs.report(run_dir))
    if figures is not None:
        for path in verbs.figures(run_dir, figures, png=png):
            typer.echo(path)
    if export is not None:
        typer.echo(verbs.export(run_dir, export, arm=arm, average=average))


@app.command("compare")
@explained()
def compare_verb(
    run_dirs: Annotated[list[Path], typer.Argument(metavar="RUN RUN ...", help="Runs' folders.")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one report of all of them there.")
    ] = None,
    align: Annotated[
        Align, typer.Option(help="Compare at as many tokens, or at as many operations of training.")
    ] = "tokens",
) -> None:
    """Set finished runs side by side; those that differ in their seed alone count as one."""
    from gapless.cli import render
    from gapless.workflow import verbs

    render.compare(verbs.compare(run_dirs, out, align=align))


@app.command("merge")
@explained()
def merge_verb(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL MODEL ...", help="Models' folders.")
    ],
    *,
    weights: Annotated[
        str | None,
        typer.Option(metavar="W,W,...", help="One per model, summing to 1; equal by default."),
    ] = None,
    base: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The model that they come from.")
    ] = None,
    towards_base: Annotated[
        float | None,
        typer.Option(metavar="PART", help="Part of the way back to the base, from 0 to 1."),
    ] = None,
) -> None:
    """Average models, and go part of the way back to their base."""
    from gapless.cli import render
    from gapless.workflow import verbs

    try:
        parts = None if weights is None else [float(part) for part in weights.split(",")]
    except ValueError as error:
        raise typer.BadParameter("--weights takes numbers, like 0.7,0.3") from error
    render.merge(verbs.merge(out, models, weights=parts, base=base, towards_base=towards_base))


app.command("sweep")(sweep_verb)
app.command("fit")(fit_verb)
app.command("propose")(propose_verb)
app.command("claims")(claims_verb)
app.command("rates")(rates_verb)
app.command("import")(import_verb)


@app.command("show")
@explained()
def show_verb(
    run_dir: RunFolder,
    *,
    token: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Number of a training token.")
    ] = None,
    document: Annotated[
        str | None, typer.Option(metavar="ID", help="A document: its id, or SOURCE:ROW.")
    ] = None,
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="One arm; all by default.")
    ] = None,
) -> None:
    """Show what the model has seen against the plan, what it saw at a token, or a document's fate.

    Without --token and --document, the tokens and documents seen by every arm so far.
    """
    from gapless.cli import render
    from gapless.workflow import verbs

    if token is not None and document is not None:
        raise typer.BadParameter("give --token N or --document ID, not both")
    if token is not None:
        render.show(verbs.show(run_dir, token, arm))
    elif document is not None:
        render.fates(verbs.show_document(run_dir, document, arm))
    else:
        render.audit(verbs.audit(run_dir, arm))


@app.command("demo")
@explained()
def demo_verb(
    *,
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where to put it.")
    ] = Path("gapless-demo"),
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
) -> None:
    """Adapt a small model to medical text, in three arms, and write the report."""
    from gapless.cli import render
    from gapless.cli.progress import watching
    from gapless.workflow import verbs

    with watching() as progress:
        result = verbs.demo(directory, offline=offline, progress=progress)
    render.run(result)


@app.command("schema")
@explained()
def schema_verb() -> None:
    """Print the JSON Schema of recipes, for editors."""
    import json

    from gapless.recipe import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
