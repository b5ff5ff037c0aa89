"""Who is asked: one model, by how likely it finds texts and by what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gapless.evaluation.generation import Generator
    from gapless.evaluation.likelihood import Scorer
    from gapless.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every kind of probe takes its answers from."""

    scorer: Scorer
    generator: Generator | None = None
    """None where no probe needs the model to write."""
    sandbox: Sandbox | None = None
    """None where no probe runs what the model has written."""
