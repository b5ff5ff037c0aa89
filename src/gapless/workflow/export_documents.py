"""Give the documents that an arm selects away, as JSON Lines that other trainers read."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapless.interchange import JsonLinesWriter
from gapless.recipe import Recipe, arms
from gapless.records.documents import batches, parts
from gapless.workflow.export_choice import one_arm, planned_epochs, selected, sources_asked
from gapless.workflow.pool import SourcePool
from gapless.workflow.run_folder import RunFolder

_COLUMNS = ("id", "work", "text")
_TURNS = "messages"


@dataclass(frozen=True, kw_only=True)
class ExportedDocuments:
    """What was written, and where."""

    path: Path
    documents: dict[str, int]
    """Source to how many of its documents."""


def export_documents(
    run_dir: str | Path, out: str | Path, *, sources: Sequence[str] = (), arm: str | None = None
) -> ExportedDocuments:
    """Write the documents that an arm selects to a new file of JSON Lines.

    One object per document: ``text``, ``id`` (the hash of the text), ``work`` (the user's id),
    ``source``, ``role``, ``scores`` (name to number or label), ``epochs`` (how often the arm is to
    see it), and of conversations ``messages``. Packed where the name ends in .zst or .gz. The file
    is there when it is whole; of the text a few megabytes are in memory.

    Raises:
        RunError: the run is not so far, it has several arms and none is named, or the file exists.

    """
    folder, path = RunFolder(Path(run_dir)), Path(out)
    name = one_arm(folder, arm)
    recipe = arms(folder.recipe())[name]
    names = sources_asked(recipe, sources, folder)
    chosen, epochs = selected(folder, name, names), planned_epochs(folder, name)
    counts = {}
    with JsonLinesWriter(path) as writer:
        for source in names:
            export = _Source(folder, recipe, source, chosen[source], epochs.get(source))
            for record in export.records():
                writer.write(record)
            counts[source] = len(chosen[source])
    return ExportedDocuments(path=path, documents=counts)


class _Source:
    """The selected documents of one source."""

    def __init__(
        self,
        folder: RunFolder,
        recipe: Recipe,
        source: str,
        chosen: np.ndarray,
        epochs: tuple[np.ndarray, np.ndarray] | None,
    ) -> None:
        self._source, self._chosen = source, chosen
        self._spec = recipe.sources[source]
        pool = SourcePool.of_run(source, recipe, folder.stages())
        computed = [name for name, (place, _) in pool.scores.items() if place.is_dir()]
        self._documents = pool.documents
        self._scores = {
            column: pool.column(column)[chosen] for column in (*self._spec.scores, *computed)
        }
        self._epochs = np.zeros(len(chosen))
        if epochs is not None:
            at = np.searchsorted(chosen, epochs[0])
            assert np.array_equal(chosen[at], epochs[0])
            self._epochs[at] = epochs[1]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a record per document, in the order of the source's files."""
        columns = (*_COLUMNS, *([_TURNS] if self._spec.chat is not None else []))
        first = done = 0
        for part in parts(self._documents):
            for rows in batches(part, columns):
                end = int(np.searchsorted(self._chosen, first + len(rows)))
                for row in rows.take(self._chosen[done:end] - first).to_pylist():
                    yield self._record(row, done)
                    done += 1
                first += len(rows)
        assert done == len(self._chosen)

    def _record(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        turns = {_TURNS: json.loads(row[_TURNS])} if _TURNS in row else {}
        return {
            "text": row["text"],
            "id": row["id"],
            "work": row["work"],
            "source": self._source,
            "role": self._spec.role,
            "epochs": float(self._epochs[number]),
            "scores": {name: _plain(values[number]) for name, values in self._scores.items()},
            **turns,
        }


def _plain(value: Any) -> float | int | str | None:
    """Return a score as JSON has it; null for none."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value if value is None or isinstance(value, float | int) else str(value)
