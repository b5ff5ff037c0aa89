"""The verbs of ``gapless`` with their arguments, as Markdown.

Commands are typed ``Any``: some versions of typer bring a click of their own.
"""

import re
from collections.abc import Iterator
from typing import Any

import typer


def lines() -> list[str]:
    """Return a section for each verb, in the order of ``gapless --help``."""
    from gapless.cli.main import app

    command = typer.main.get_command(app)
    return [line for name, verb in verbs(command, "gapless") for line in section(name, verb)]


def verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every verb under its whole name; groups yield their own."""
    members: dict[str, Any] = getattr(command, "commands", {})
    if not members:
        yield name, command
    for member, verb in members.items():
        yield from verbs(verb, f"{name} {member}")


def section(name: str, verb: Any) -> list[str]:
    """Return the verb's usage, its help, and a table of what it takes."""
    context = verb.context_class(verb, info_name=name)
    usage = re.sub(r"\{(.*?)\}(\.\.\.)?", r"\1", " ".join(verb.collect_usage_pieces(context)))
    rows = [row for parameter in verb.get_params(context) if (row := row_of(parameter, context))]
    table = ["| takes | |", "| --- | --- |", *rows, ""] if rows else []
    help_text = [line.strip() for line in (verb.help or "").splitlines()]
    return [f"## {name}", "", f"```text\n{name} {usage}\n```", "", *help_text, "", *table]


def row_of(parameter: Any, context: Any) -> str | None:
    """Return a parameter as a row of a table; nothing for ``--help``."""
    record = parameter.get_help_record(context)
    if parameter.name == "help" or record is None:
        return None
    shown, told = (part.replace("|", "\\|") for part in record)
    return f"| `{shown}` | {told} |"
