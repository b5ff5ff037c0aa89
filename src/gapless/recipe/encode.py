"""A recipe as YAML again, and the JSON Schema of recipes for editors."""

from typing import Any

import yaml

from gapless.recipe.schema import Recipe
from gapless.recipe.yaml_lines import Dumper


def dump(recipe: Recipe) -> str:
    """Return the whole recipe, defaults written out, as YAML that loads back equal."""
    text = yaml.dump(
        recipe.model_dump(), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return str(text)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe; editors complete and check recipes with it."""
    schema = Recipe.model_json_schema()
    for part in schema["$defs"].values():
        if "const" in part.get("properties", {}).get("type", {}):
            part["required"] = ["type", *part.get("required", [])]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
