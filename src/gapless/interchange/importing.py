"""Read a config of another tool, and write the recipe that does the same as far as it can be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from gapless.errors import RecipeError
from gapless.interchange.axolotl import draft_axolotl
from gapless.interchange.foreign import Config, Draft, LeftOut
from gapless.interchange.llama_factory import draft_llama_factory
from gapless.interchange.recipe_text import recipe_text
from gapless.interchange.text_places import Places
from gapless.recipe import decode

_TOOLS: Mapping[str, tuple[str, Callable[..., Draft]]] = MappingProxyType(
    {
        "model_name_or_path": ("LLaMA-Factory", draft_llama_factory),
        "base_model": ("axolotl", draft_axolotl),
    }
)
"""The key that tells a tool's configs, its name, and who reads them."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A recipe made from a config."""

    tool: str
    text: str
    """Commented YAML that decodes."""
    left_out: tuple[LeftOut, ...]
    """What the recipe does not have; it is listed in the text too."""


def import_config(path: Path, *, recipe_dir: Path, devices: int = 1) -> Imported:
    """Return the recipe that a YAML config of LLaMA-Factory or axolotl comes to.

    Args:
        path: the config.
        recipe_dir: where the recipe will be; its relative paths begin there.
        devices: how many the config was meant for, which it does not say.

    Raises:
        RecipeError: the file is no such config, or nothing that gapless does.

    """
    tree = _read(path)
    key = next((key for key in _TOOLS if tree.get(key)), None)
    if key is None:
        raise RecipeError(
            "this is no config of LLaMA-Factory (model_name_or_path) or axolotl (base_model)",
            where=str(path),
            mend="Give the YAML file that those tools train by.",
        )
    tool, drafted = _TOOLS[key]
    config = Config(tool, tree)
    try:
        draft = drafted(config, Places(path, recipe_dir), devices=devices)
    except RecipeError as error:
        raise RecipeError(error.what, where=f"{path}: {error.where}", mend=error.mend) from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise RecipeError(
            f"a value of the config is not what {tool} takes there ({error})", where=str(path)
        ) from error
    text = recipe_text(draft, config, name=path.name)
    decode(yaml.safe_load(text), where=f"the recipe of {path}")
    return Imported(tool=tool, text=text, left_out=tuple(config.left))


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot be read ({error})", where=str(path)) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"this is not YAML ({error})", where=str(path)) from error
    if not isinstance(tree, dict):
        raise RecipeError("a config is a mapping of settings", where=str(path))
    return {str(key): value for key, value in tree.items()}
