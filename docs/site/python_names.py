"""The names of ``import gapless``, and the records that they answer with, as Markdown."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, cast, get_args, get_type_hints

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines() -> list[str]:
    """Return a section for each function of the package and for each record one returns."""
    import gapless

    members = {name: getattr(gapless, name) for name in gapless.__all__ if name[0] != "_"}
    functions = {name: value for name, value in members.items() if inspect.isfunction(value)}
    classes = [value for value in members.values() if inspect.isclass(value)]
    records = list(dict.fromkeys(record for f in functions.values() for record in answers(f)))
    told = ["## Functions", ""]
    for name, function in functions.items():
        told += [f"### {name}", "", signature(name, function), "", paragraphs(function), ""]
    told += ["## What they answer with", ""]
    for record in sorted(records, key=lambda record: record.__name__):
        told += [f"### {record.__name__}", "", paragraphs(record), "", *fields(record), ""]
    told += ["## Classes", ""]
    for value in classes:
        told += [f"### {value.__name__}", "", paragraphs(value), ""]
    return told


def answers(function: Any) -> Iterator[type]:
    """Yield the records of our own in what a function returns."""
    from gapless.records import views  # where names come from that a module imports for types only

    hint = get_type_hints(function, localns=dict(vars(views))).get("return")
    for part in (hint, *get_args(hint)):
        if inspect.isclass(part) and is_dataclass(part) and part.__module__.startswith("gapless"):
            yield part


def signature(name: str, function: Any) -> str:
    """Return a function's head as a block of code, one argument a line where there are many."""
    node = cast("Function", ast.parse(inspect.getsource(function)).body[0])
    head = f"gapless.{name}({ast.unparse(node.args)})"
    answer = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if len(head + answer) > 90:
        head = f"gapless.{name}(\n    " + ",\n    ".join(arguments(node)) + ",\n)"
    return f"```text\n{head}{answer}\n```"


def arguments(node: Function) -> list[str]:
    """Return the arguments of a function one by one, as they are written."""
    spec = node.args
    blank = [None] * (len(spec.args) - len(spec.defaults))
    told = [argument(*pair) for pair in zip(spec.args, [*blank, *spec.defaults], strict=True)]
    if spec.kwonlyargs:
        told.append("*")
    return [*told, *map(argument, spec.kwonlyargs, spec.kw_defaults)]


def argument(name: ast.arg, default: ast.expr | None) -> str:
    """Return one argument with its type and its default."""
    return ast.unparse(name) + (f" = {ast.unparse(default)}" if default else "")


def fields(record: type) -> list[str]:
    """Return a table of a record's fields with the sentence under each."""
    node = cast("ast.ClassDef", ast.parse(inspect.getsource(record)).body[0])
    rows = []
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            kind = ast.unparse(statement.annotation).replace("|", "\\|")
            told = " ".join(sentence(after).split()).replace("|", "\\|").replace("``", "`")
            rows.append(f"| `{statement.target.id}` | `{kind}` | {told} |")
    return ["| field | type | |", "| --- | --- | --- |", *rows] if rows else []


def sentence(node: ast.stmt | None) -> str:
    """Return the text of a statement that is a text alone."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


def paragraphs(value: Any) -> str:
    """Return a docstring as Markdown."""
    return (inspect.getdoc(value) or "").replace("``", "`")
