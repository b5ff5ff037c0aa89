"""The errors a user can meet.

GaplessError
 |- RecipeError   the recipe is wrong                                  exit status 2
 |- DataError     a source cannot serve what the recipe asks of it     exit status 1
 |- AssetError    a named model or corpus cannot be had                exit status 1
 |- ModelError    a model or tokenizer folder cannot be used           exit status 1
 |- SandboxError  model-written code cannot be run safely here         exit status 1
 `- RunError      a run folder cannot be used, or a run failed         exit status 1
"""

from typing import Any


class GaplessError(Exception):
    """A user's problem: what is wrong, where, and the mend."""

    exit_status = 1

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what, where, mend)
        self.what = what
        self.where = where
        self.mend = mend

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.what, self.where, self.mend)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        mend = f"\n  {self.mend}" if self.mend else ""
        return f"{place}{self.what}{mend}"


class Terminated(KeyboardInterrupt):
    """Stopped by SIGTERM, as a cluster does: on the same road as Ctrl-C, with another status."""


def _rebuilt(
    kind: type[GaplessError], what: str, where: str | None, mend: str | None
) -> GaplessError:
    """Make an error again in the process that it was sent to."""
    return kind(what, where=where, mend=mend)


class RecipeError(GaplessError):
    """The recipe is wrong; ``where`` is ``file:line: path.in.recipe``."""

    exit_status = 2


class DataError(GaplessError):
    """A source cannot serve what the recipe asks of it."""


class AssetError(GaplessError):
    """A named model or corpus cannot be had."""


class ModelError(GaplessError):
    """A model or tokenizer folder cannot be used."""


class SandboxError(GaplessError):
    """Code that a model has written cannot be run safely on this machine."""


class RunError(GaplessError):
    """A run folder cannot be used, or a run failed."""
