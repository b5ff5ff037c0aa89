"""Which arms of several runs differ in their seed alone, and which answered the same items."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.analysis import Named
from gapless.recipe import Recipe, arms
from gapless.records.arm_journals import MEASUREMENTS
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.workflow.going_on import NO_RESULT
from gapless.workflow.measuring import BASE
from gapless.workflow.run_folder import RunFolder

_PROBES, _DOCUMENTS, _MANIFEST = "probes", "documents.", "manifest.json"
_NOT_COMPARED: Any = {
    "name": True,
    "seed": True,
    "logging": True,
    "model": {"path", "tokenizer", "assumed"},
    "sources": {"__all__": {"path", "assumed_tokens"}},
    "training": NO_RESULT,
}


@dataclass(frozen=True)
class ComparedArm:
    """One arm of one of several runs."""

    run: str
    """The run's name; unlike those of the others."""
    folder: Path
    """Of its training."""
    named: Named
    seed: int
    all_but_seed: str
    """What it was made of, its seed and its name aside."""


def compared_arms(run: str, folder: RunFolder) -> list[ComparedArm]:
    """Return the arms of a run as they are among those of others."""
    recipe, stages = folder.recipe(), folder.stages()
    found = []
    for name, arm in arms(recipe).items():
        training = stages[f"training.{name}"].path
        probes = {row["probe"] for row in Journal(training / MEASUREMENTS).rows()}
        items = _items(stages[_PROBES].path, probes, recipe)
        named = Named(name=f"{run}/{name}", items=items)
        found.append(ComparedArm(run, training, named, arm.seed, _all_but_seed(arm, stages)))
    return found


def groups_of_seeds(compared: Sequence[ComparedArm]) -> list[list[str]]:
    """Return the names of arms that differ in their seed alone, two or more, each seed once."""
    groups: dict[str, dict[int, str]] = {}
    for arm in compared:
        groups.setdefault(arm.all_but_seed, {}).setdefault(arm.seed, arm.named.name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def _all_but_seed(arm: Recipe, stages: Mapping[str, ArtifactFolder]) -> str:
    """Return what an arm is made of: its recipe, its documents, its base's files.

    Where files lie does not count, but what is in them. A new model has no weights in a file: those
    are drawn by the seed.
    """
    settings = arm.model_dump(mode="json", exclude=_NOT_COMPARED)
    documents = {
        label: place.fingerprint for label, place in stages.items() if label.startswith(_DOCUMENTS)
    }
    base = stages[BASE].manifest().inputs
    files = {name: base[name] for name in ("model", "tokenizer") if name in base}
    return json.dumps([settings, documents, files], sort_keys=True)


def _items(folder: Path, probes: set[str], recipe: Recipe) -> dict[str, str]:
    """Return probe to a digest of what it asks.

    Tasks of the harness are not kept item by item: they are the same where all that is kept of
    them, and how the recipe asks them, is.
    """
    own: dict[str, str] = {}
    rest = [recipe.probing.model_dump_json()]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.parent == folder and path.suffix == ".jsonl":
            own[_name_in(path)] = digest
        elif path.name != _MANIFEST:
            rest += [path.relative_to(folder).as_posix(), digest]
    others = hashlib.sha256(json.dumps(rest).encode()).hexdigest()
    return {probe: own.get(probe, others) for probe in sorted(probes)}


def _name_in(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        head: dict[str, Any] = json.loads(file.readline())
    return str(head["name"])
