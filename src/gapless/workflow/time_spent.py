"""Where the time and the energy of a run went, from its journals of speed."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from gapless.records.arm_journals import SPEED
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.records.watched import JOULES, METERED, PARTS, POWER, UNMETERED, WHAT, Work

_SHOWN = 6
_NEARLY_ALL = 0.95
BASE_NAME = "the base"


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


def energy_facts(base: Path, trainings: Mapping[str, Path]) -> dict[str, str]:
    """Return what energy a run took, arm by arm, in words, and what told it, or why nothing did.

    Nothing of a run from before anybody asked.
    """
    folders = {**trainings, BASE_NAME: base}
    rows = {name: list(Journal(folder / SPEED).rows()) for name, folder in folders.items()}
    told = list(dict.fromkeys(row[POWER] for own in rows.values() for row in own if POWER in row))
    if not told:
        return {}
    if all(text.startswith(UNMETERED) for text in told):
        return {"energy": "; ".join(told)}
    named = [
        f"{name} {words}" if words else f"{name} unknown"
        for name, own in rows.items()
        for words in [_energy_words(own)]
    ]
    return {"energy, estimated": ", ".join(named), "energy read from": "; then ".join(told)}


def _energy_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the energy of some rows, and of how much of their time it is, if not of all."""
    metered = math.fsum(row.get(METERED, 0.0) for row in rows)
    if not metered:
        return ""
    joules = math.fsum(row.get(JOULES, 0.0) for row in rows)
    share = metered / math.fsum(row.get("seconds", 0.0) for row in rows)
    part = f" (in {share:.0%} of the time)" if share < _NEARLY_ALL else ""
    return format_energy(joules) + part


def format_energy(joules: float) -> str:
    """Write an energy: ``12.3 Wh``, ``1.23 kWh``."""
    hours = joules / 3600
    for unit, scale in (("MWh", 1e6), ("kWh", 1e3), ("Wh", 1.0)):
        if hours >= scale * 0.9995:
            return f"{hours / scale:.3g} {unit}"
    return f"{hours:.2g} Wh"
