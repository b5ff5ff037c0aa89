"""Continual pre-training of language models that measures, and closes, the stability gap.

    import gapless

    gapless.plan(Path("recipe.yaml"))          what a run would do and cost; spends nothing
    gapless.run(Path("recipe.yaml"))           does what is missing
    gapless.write_report(Path("runs/name"))    one HTML file (`gapless.report` is the room)

Every name is loaded when it is first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gapless.errors import GaplessError
    from gapless.recipe import Recipe
    from gapless.recipe import load as load_recipe
    from gapless.workflow.export_documents import export_documents
    from gapless.workflow.export_tokens import export_tokens
    from gapless.workflow.import_config import import_config
    from gapless.workflow.sweep import sweep
    from gapless.workflow.verbs import (
        audit,
        compare,
        demo,
        find_rate,
        init,
        merge,
        plan,
        run,
        show,
        status,
        synthesize,
    )
    from gapless.workflow.verbs import report as write_report

__version__ = "0.1.0"

__all__ = [
    "GaplessError",
    "Recipe",
    "__version__",
    "audit",
    "compare",
    "demo",
    "export_documents",
    "export_tokens",
    "find_rate",
    "import_config",
    "init",
    "load_recipe",
    "merge",
    "plan",
    "run",
    "show",
    "status",
    "sweep",
    "synthesize",
    "write_report",
]

_VERBS = (
    *("audit", "compare", "demo", "find_rate", "init", "merge"),
    *("plan", "run", "show", "status", "synthesize"),
)
_HOMES = {
    "GaplessError": ("gapless.errors", "GaplessError"),
    "Recipe": ("gapless.recipe", "Recipe"),
    "load_recipe": ("gapless.recipe", "load"),
    "export_documents": ("gapless.workflow.export_documents", "export_documents"),
    "export_tokens": ("gapless.workflow.export_tokens", "export_tokens"),
    "import_config": ("gapless.workflow.import_config", "import_config"),
    "sweep": ("gapless.workflow.sweep", "sweep"),
    "write_report": ("gapless.workflow.verbs", "report"),
    **{verb: ("gapless.workflow.verbs", verb) for verb in _VERBS},
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
