"""The recipe: one YAML file that says everything about a run, decoded into typed values.

    recipe.yaml --load, a variant chosen--> Recipe --arms--> {arm name: Recipe without arms}
                                              `---dump--> recipe.yaml

`schema.py` holds the types (their defaults are the product's defaults), `mixtures.py`,
`schedules.py` and `probes.py` the parts that are chosen by ``type: name``. `decode.py` turns YAML
(`yaml_lines.py`), ``--variant`` (`variants.py`) and ``--set`` (`overrides.py`) into them;
`mistakes.py` and `checks.py` turn every mistake into one message with file, line, path and the
nearest name. `encode.py` writes YAML back.

To add a setting: one field with a docstring in its model, one test in ``tests/recipe``.
"""

from gapless.recipe.arm_merge import arms
from gapless.recipe.decode import decode, load
from gapless.recipe.encode import dump, json_schema
from gapless.recipe.schema import Recipe

__all__ = ["Recipe", "arms", "decode", "dump", "json_schema", "load"]
