"""What of a run is exported: whose selection, and how often the run means to see it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gapless.errors import RunError
from gapless.ordering import OrderTable
from gapless.recipe import Recipe, arms
from gapless.records.artifact import ArtifactFolder
from gapless.strata import source_of
from gapless.workflow.early_decay import end_token
from gapless.workflow.order import ORDER, SELECTION_FILE, rounds_of
from gapless.workflow.planned_rows import planned_rows
from gapless.workflow.run_folder import RunFolder
from gapless.workflow.show import arm_names


def settled(folder: RunFolder, name: str) -> ArtifactFolder:
    """Return the order of an arm.

    Raises:
        RunError: it is not settled yet.

    """
    place = folder.stages()[f"{ORDER}.{name}"]
    if not place.exists():
        raise RunError(
            f"the order of arm {name!r} is not settled yet",
            where=str(folder.path),
            mend="Run the recipe at least `--until order`.",
        )
    return place


def one_arm(folder: RunFolder, arm: str | None) -> str:
    """Return the arm that is asked for; without a name, the run's only one."""
    names = arm_names(folder, arm)
    if len(names) > 1:
        raise RunError(
            f"the run has several arms: {', '.join(names)}",
            where=str(folder.path),
            mend="Say whose with --arm NAME.",
        )
    return names[0]


def sources_asked(recipe: Recipe, wanted: Sequence[str], folder: RunFolder) -> list[str]:
    """Return the sources that are asked for; all that the run trains on without a name."""
    known = recipe.trained_sources
    for name in wanted:
        if name not in known:
            raise RunError(
                f"the run trains on no source {name!r}",
                where=str(folder.path),
                mend=f"It has {', '.join(known)}.",
            )
    return list(dict.fromkeys(wanted)) or list(known)


def selected(folder: RunFolder, arm: str | None, sources: Sequence[str]) -> dict[str, np.ndarray]:
    """Return source to the documents that an arm selects, ascending (int64).

    Raises:
        RunError: no arm is named, and they select different documents of a source.

    """
    chosen: dict[str, np.ndarray] = {}
    for name in arm_names(folder, arm):
        with np.load(settled(folder, name).path / SELECTION_FILE, allow_pickle=False) as found:
            own = {source: np.sort(found[source]).astype(np.int64) for source in sources}
        for source, documents in own.items():
            if not np.array_equal(chosen.setdefault(source, documents), documents):
                raise RunError(
                    f"the arms of the run select different documents of {source!r}",
                    where=str(folder.path),
                    mend="Say whose with --arm NAME.",
                )
    return chosen


def planned_epochs(folder: RunFolder, name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return source to documents, and how often an arm is to see each (int64, float64).

    Documents of strata that no phase draws from are left out. Where a mixture reacts, the numbers
    are those of its start.
    """
    arm, place = arms(folder.recipe())[name], settled(folder, name)
    facts = place.manifest().facts
    rounds, context = rounds_of(arm, facts), arm.order.context
    left = end_token(arm, rounds.num_rows * context) // context
    rows: Counter[str] = Counter()
    for phase in rounds.phases:
        length = min(phase.num_rows, left)
        left -= length
        rows.update(planned_rows(phase, length))
    found: dict[str, list[tuple[np.ndarray, float]]] = {}
    for stratum, chosen in OrderTable.open(place.path).documents.items():
        epochs = rows[stratum] * context / facts["strata_tokens"][stratum]
        found.setdefault(source_of(stratum), []).append((np.asarray(chosen), epochs))
    return {
        source: (
            np.concatenate([chosen for chosen, _ in parts]),
            np.concatenate([np.full(len(chosen), epochs) for chosen, epochs in parts]),
        )
        for source, parts in found.items()
    }
