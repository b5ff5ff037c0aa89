"""The verb that tests the papers' claims."""

from pathlib import Path
from typing import Annotated

import typer

from gapless.cli.failures import explained

_DEFAULT = Path("experiments/claims")


@explained()
def claims_verb(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the claims are.")
    ] = _DEFAULT,
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Only this claim; repeatable.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Run the recipes' variant of this name.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs under way at once.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so long; the next time goes on.")
    ] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Train nothing; look at what is done.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table into this Markdown page.")
    ] = None,
) -> None:
    """Test the papers' claims by runs of their recipes, and say which hold."""
    from gapless.cli import render as shown
    from gapless.cli.progress import watching
    from gapless.workflow.claim_table import write_table
    from gapless.workflow.claims import judge_claims

    with watching() as progress:
        rows = judge_claims(
            folder,
            only=only or (),
            variant=variant,
            jobs=jobs,
            minutes=minutes,
            rerun=not render,
            progress=progress,
        )
    if page is not None:
        write_table(rows, page)
    shown.claims(rows)
