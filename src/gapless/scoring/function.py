"""A score of the user's own: a function in a Python file, called on batches of texts."""

from __future__ import annotations

import math
import numbers
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gapless.errors import DataError
from gapless.user_code import failed, load_module

if TYPE_CHECKING:
    import pyarrow as pa

_SHAPE = {
    "numbers": "def {name}(texts: list[str]) -> list[float | None]",
    "labels": "def {name}(texts: list[str]) -> list[str | None]",
}


class FunctionScorer:
    """Calls ``function(texts)`` of the file at ``path``: one answer per text, or ``None``.

    The file runs as any program does: it can do whatever its user can. It stands alone: what it
    imports from other files of the user is not part of the score's fingerprint.
    """

    def __init__(
        self,
        path: Path,
        function: str = "score",
        returns: Literal["numbers", "labels"] = "numbers",
    ) -> None:
        """Load the file; a `DataError` names the line that failed."""
        self._path, self._name, self._returns = path, function, returns
        self._shape = _SHAPE[returns].format(name=function)
        found = getattr(load_module(path, DataError), function, None)
        if not callable(found):
            what = f"there is no function {function!r} in the file"
            raise DataError(what, where=str(path), mend=f"Write {self._shape} there.")
        self._function = found

    def __call__(self, texts: pa.LargeStringArray) -> dict[str, pa.Array]:
        """Return float64 or string; NaN becomes null.

        Raises:
            DataError: the function failed, or its answer has the wrong length or type.

        """
        import pyarrow as pa

        strings = texts.to_pylist()
        try:
            answers = list(self._function(list(strings)))
        except (Exception, SystemExit) as error:  # whatever the user's code raises
            raise failed(error, self._path, f"{self._name} failed", DataError) from error
        if len(answers) != len(strings):
            what = f"{self._name} gave {len(answers)} answers for {len(strings)} texts"
            raise DataError(what, where=str(self._path), mend=f"Write {self._shape}.")
        of_one = self._number if self._returns == "numbers" else self._label
        checked = [of_one(answer, text) for answer, text in zip(answers, strings, strict=True)]
        kind = pa.float64() if self._returns == "numbers" else pa.string()
        return {"": pa.array(checked, type=kind)}

    def _number(self, answer: Any, text: str) -> float | None:
        if answer is None:
            return None
        if not isinstance(answer, numbers.Real):
            raise self._refused(answer, text, "is not a number")
        number = float(answer)
        if math.isnan(number):
            return None
        if math.isinf(number):
            raise self._refused(answer, text, "is not finite")
        return number

    def _label(self, answer: Any, text: str) -> str | None:
        if answer is not None and not isinstance(answer, str):
            raise self._refused(answer, text, "is not a label (a str)")
        return answer

    def _refused(self, answer: Any, text: str, why: str) -> DataError:
        what = f"{self._name} gave {answer!r}, which {why}, for the text {text[:40]!r}"
        mend = f"Write {self._shape}; None stands for a text without a score."
        return DataError(what, where=str(self._path), mend=mend)
