"""The types of a recipe and of a sweep, as Markdown: one section for each, in order of use."""

import json
import re
from typing import Any

Schema = dict[str, Any]


def lines() -> list[str]:
    """Return the recipe's type and all it is made of, then the sweep's."""
    from gapless.recipe import json_schema
    from gapless.recipe.sweeps import Sweep

    recipe, sweep = json_schema(), Sweep.model_json_schema()
    written: set[str] = set()
    return [*world(recipe, "Recipe", written), *world(sweep, "Sweep", written)]


def world(root: Schema, name: str, written: set[str]) -> list[str]:
    """Return the sections of a schema and of its parts that are not written yet."""
    parts: dict[str, Schema] = {name: root, **root["$defs"]}
    waiting, told = [name], []
    while waiting:
        part = waiting.pop(0)
        if part not in written:
            written.add(part)
            told += section(part, parts[part])
            waiting += references(parts[part].get("properties", {}))
    return told


def references(schema: object) -> list[str]:
    """Return the names of the parts that a schema refers to, in order."""
    return re.findall(r"#/\$defs/(\w+)", json.dumps(schema))


def section(part: str, schema: Schema) -> list[str]:
    """Return a part: what it is, and a table of its settings."""
    fields = dict(schema.get("properties", {}))
    kind = fields.pop("type", {}).get("const")
    head = f"## {called(part)}" + (f": `type: {kind}`" if kind else "")
    rows = [row(name, field, schema) for name, field in fields.items()]
    table = ["| setting | takes | default | |", "| --- | --- | --- | --- |", *rows, ""]
    told = prose(schema.get("description", ""), "\n")
    return [f"{head} {{#{anchor(part)}}}", "", told, "", *(table if rows else [])]


def row(name: str, field: Schema, owner: Schema) -> str:
    """Return a setting as a row of its part's table."""
    if name in owner.get("required", ()):
        default = "required"
    else:
        value = json.dumps(field["default"], ensure_ascii=False) if "default" in field else "{}"
        default = f"`{value}`" if len(value) <= 40 else "its own"
    told = prose(field.get("description", ""), " ")
    cells = (f"`{name}`", takes(field), default, told)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def takes(schema: Schema) -> str:
    """Return what values a setting takes, in words, with links to parts."""
    if "$ref" in schema:
        part = schema["$ref"].rpartition("/")[2]
        return f"[{called(part)}](#{anchor(part)})"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(takes(option) for option in schema[choice]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{value}`" for value in values)
    kinds = schema.get("type", "any")
    return " or ".join(named(kind, schema) for kind in ([kinds] if kinds == str(kinds) else kinds))


def named(kind: str, schema: Schema) -> str:
    """Return a JSON type in words."""
    if kind == "array":
        items = schema.get("items") or {"anyOf": schema.get("prefixItems", [{}])}
        return f"list of {takes(items)}"
    if kind == "object":
        values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        kinds = [takes(value) for value in values if isinstance(value, dict)]
        return f"names to {kinds[0] if kinds else 'any'}"
    return {"string": "text", "boolean": "true or false", "null": "`null`"}.get(kind, kind)


def called(part: str) -> str:
    """Return a part's name as people read it; the room tells two of one name apart."""
    room, _, name = part.rpartition("__")
    return f"{name} ({room.rpartition('__')[2]})" if room else part


def anchor(part: str) -> str:
    """Return the anchor of a part's section."""
    return re.sub(r"\W+", "-", called(part)).strip("-").lower()


def prose(text: str, space: str) -> str:
    """Return a docstring as Markdown: single backticks, and lines joined by ``space``."""
    return space.join(text.replace("``", "`").split("\n")).replace("<", "&lt;")
