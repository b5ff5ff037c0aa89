"""The verbs that give to other tools, and take from them."""

from pathlib import Path
from typing import Annotated

import typer

from gapless.cli.failures import explained
from gapless.cli.options import RunFolder

export_app = typer.Typer(
    help="Give a run's tokens or documents to other trainers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="NAME", help="One of its sources; all by default. Repeatable."
    ),
]


@export_app.command("tokens")
@explained()
def export_tokens_verb(
    run_dir: RunFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    *,
    source: Sources = None,
    arm: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="That arm's rows in the order of training; with --source, what it selects.",
        ),
    ] = None,
) -> None:
    """Write Megatron-LM's .bin and .idx: selected documents, or an arm's rows in their order."""
    from gapless.workflow.export_tokens import export_tokens

    exported = export_tokens(run_dir, out, sources=source or (), arm=arm)
    for file in exported.files:
        typer.echo(
            f"{exported.folder / file.name}.bin .idx  {file.sequences:,} {file.form}, "
            f"{file.tokens:,} tokens, {file.dtype}"
        )
    for line in dict.fromkeys(line for file in exported.files for line in file.lost):
        typer.echo(f"  lost: {line}")


@export_app.command("documents")
@explained()
def export_documents_verb(
    run_dir: RunFolder,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A new file: .jsonl, .jsonl.zst or .jsonl.gz.")
    ],
    *,
    source: Sources = None,
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose selection, of several arms.")
    ] = None,
) -> None:
    """Write the documents that are trained on as JSON Lines, with scores and planned epochs."""
    from gapless.workflow.export_documents import export_documents

    exported = export_documents(run_dir, out, sources=source or (), arm=arm)
    counts = ", ".join(f"{count:,} of {name}" for name, count in exported.documents.items())
    typer.echo(f"{exported.path}  documents: {counts}")


@explained()
def import_verb(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="YAML of LLaMA-Factory or axolotl.")
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the recipe there; printed when left out."),
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many devices the config was meant for.")
    ] = 1,
) -> None:
    """Make a commented recipe of a config of LLaMA-Factory or axolotl."""
    from gapless.workflow.import_config import import_config

    imported = import_config(config, out, devices=devices)
    if out is None:
        typer.echo(imported.text, nl=False)
        return
    missing = [left.key for left in imported.left_out if left.weight == "matters"]
    typer.echo(f"{out}  from {imported.tool}")
    if missing:
        typer.echo(f"  not carried over, with the reason in the file: {', '.join(missing)}")
    typer.echo(f"  look through it, then: gapless plan {out}")
