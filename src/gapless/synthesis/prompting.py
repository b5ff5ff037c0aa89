"""Prompt files to prompts."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render_prompt(name: str, language: str, **values: str) -> str:
    """Fill ``prompts/NAME.LANGUAGE.jinja``, stripped; Jinja's signs in a value stay as they are.

    A value that the file does not get is an error of ours (StrictUndefined).
    """
    return _environment().get_template(f"{name}.{language}.jinja").render(**values).strip()


def prompt_text(name: str, language: str) -> str:
    """Return the file of a prompt as it is written, with its blanks unfilled."""
    file = resources.files("gapless.synthesis").joinpath(f"prompts/{name}.{language}.jinja")
    return file.read_text("utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("gapless.synthesis", "prompts"),
        autoescape=False,  # noqa: S701  # prompts are plain text, not markup
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
