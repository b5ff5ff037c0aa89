"""Where the time of a training went, from its journal of speed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from gapless.records.arm_journals import SPEED
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.records.watched import PARTS, WHAT, Work

_SHOWN = 6


def shares_of_time(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, dict[str, float]]]:
    """Return what was done beside training to its share of the time, and that of each part of it.

    The parts are probes of the recipe, or hooks, the dearest first; of runs from before they were
    timed there are none. What the parts have in common is not in them.
    """
    total = 0.0
    whole, parts = Counter[str](), dict[str, Counter[str]]()
    for row in rows:
        seconds = row.get("seconds", 0.0)
        total += seconds
        if WHAT in row:
            whole[row[WHAT]] += seconds
            parts.setdefault(row[WHAT], Counter()).update(row.get(PARTS, {}))
    if not total:
        return {}
    return {
        what: (
            whole[what] / total,
            {name: seconds / total for name, seconds in parts[what].most_common()},
        )
        for what in get_args(Work)
        if what in whole
    }


def share_words(share: float, parts: Mapping[str, float]) -> str:
    """Write a share of the time and those of its parts: ``12.0% (medical 8.1%, exam 3.9%)``."""
    named = [f"{name} {part:.1%}" for name, part in list(parts.items())[:_SHOWN]]
    if len(parts) > _SHOWN:
        named.append(f"{len(parts) - _SHOWN} more {sum(list(parts.values())[_SHOWN:]):.1%}")
    return f"{share:.1%} ({', '.join(named)})" if named else f"{share:.1%}"


def measuring_time_words(rows: Iterable[Mapping[str, Any]]) -> str:
    """Say what share of the time measuring took so far; empty before it is known."""
    found = shares_of_time(rows).get("measuring")
    return f"measuring took {share_words(*found)} of the time" if found else ""


def measuring_so_far(training: ArtifactFolder) -> str:
    """Say the same of a training, done or under way."""
    folder = training.path if training.exists() else training.partial_path
    return measuring_time_words(Journal(folder / SPEED).rows())
