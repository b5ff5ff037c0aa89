"""The numbers of a claim: its ``measure.py`` is loaded before anything runs, and asked after."""

from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import GaplessError, RunError
from gapless.recipe.claims import Claim
from gapless.user_code import failed, load_module

if TYPE_CHECKING:
    from gapless.workflow.seen import Seen

MEASURE_FILE = "measure.py"
_SHAPE = "def measure(seen: Seen) -> dict[str, float | None]"


class Measure:
    """What a claim's file makes of the runs of one seed."""

    def __init__(self, folder: Path, claim: Claim) -> None:
        """Load the file; a `RunError` says that there is none, or names the line that failed."""
        self._file, self._parts = folder / MEASURE_FILE, claim.parts
        if not self._file.is_file():
            raise self._refused("the claim has no such file")
        found = getattr(load_module(self._file, RunError), "measure", None)
        if not callable(found):
            raise self._refused("there is no function `measure` in the file")
        self._function: Callable[[Seen], Any] = found

    def __call__(self, seen: "Seen") -> dict[str, float | None]:
        """Return a number for each part; None where it cannot be told.

        Raises:
            RunError: the file failed, or its answer is no such thing.

        """
        try:
            numbers = self._function(seen)
        except GaplessError:  # of a run that was not found, say: it has its own words
            raise
        except (Exception, SystemExit) as error:  # whatever the file raises
            raise failed(error, self._file, "measure failed", RunError) from error
        if not isinstance(numbers, Mapping):
            raise self._refused(f"measure gave {numbers!r}")
        if set(numbers) != set(self._parts):
            names = ", ".join(map(str, numbers))
            raise self._refused(f"measure gives {names}; the claim has {', '.join(self._parts)}")
        return {name: self._number(name, value) for name, value in numbers.items()}

    def _number(self, name: str, value: object) -> float | None:
        if value is not None and not isinstance(value, Real):
            raise self._refused(f"measure gave {value!r} for {name}")
        return None if value is None else float(value)  # those of NumPy are no JSON

    def _refused(self, what: str) -> RunError:
        mend = f"Write {_SHAPE}, with a number for each of the claim's parts."
        return RunError(what, where=str(self._file), mend=mend)
