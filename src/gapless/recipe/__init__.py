"""The recipe: one YAML file that says everything about a run, decoded into typed values.

    recipe.yaml --decode--> Recipe --arms--> {arm name: Recipe without arms}

`schema.py` holds the types (their defaults are the product's defaults), `mixtures.py`,
`schedules.py` and `probes.py` the parts that are chosen by ``type: name``, `decode.py` turns YAML
into them and every mistake into one message with file, line, path and the nearest name.

To add a setting: one field with a docstring in its model, one test in ``tests/recipe``.
"""

from gapless.recipe.decode import decode, load
from gapless.recipe.schema import Recipe

__all__ = ["Recipe", "decode", "load"]
