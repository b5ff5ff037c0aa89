"""The verbs of the assets."""

from typing import Annotated

import typer

from gapless.cli.failures import explained

assets_app = typer.Typer(
    help="Named corpora and models: 'asset:NAME' in a recipe.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@assets_app.command("list")
@explained()
def assets_list_verb() -> None:
    """List the assets."""
    from gapless import assets
    from gapless.cli import render

    render.assets([(asset, assets.locate(asset.name) is not None) for asset in assets.known()])


@assets_app.command("fetch")
@explained()
def assets_fetch_verb(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of assets.")],
) -> None:
    """Fetch assets, so that recipes can use them offline."""
    from gapless import assets

    for name in names:
        typer.echo(assets.fetch(name))
