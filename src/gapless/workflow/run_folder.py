"""The folder of a run: whose it is, and who is working in it.

<run>/recipe.yaml    the recipe as resolved      <run>/artifacts/   one folder per stage
<run>/tree.json      stages and fingerprints     <run>/report.html
"""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from gapless.errors import RecipeError, RunError
from gapless.recipe import Recipe, decode
from gapless.recipe.decode import dump
from gapless.records.artifact import ArtifactFolder, write_text
from gapless.workflow.going_on import NO_RESULT
from gapless.workflow.stage import Stage

RECIPE_FILE, TREE_FILE, REPORT_FILE = "recipe.yaml", "tree.json", "report.html"

_NO_RESULT = tuple(
    f"{name}.{part}" if part else name
    for name, parts in NO_RESULT.items()
    for part in (parts if isinstance(parts, set) else {""})
)
_WAITS = (0.0, 0.05, 0.1, 0.2)
"""Seconds before each try to take the lock."""
_UNCLAIMED = frozenset({".lock", "hashes.json"})
"""What a command that was cut off early may leave in a folder that no recipe has claimed yet."""


class RunFolder:
    """One run on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def artifacts(self) -> Path:
        """Where the stages' folders are."""
        return self.path / "artifacts"

    def artifacts_beside(self) -> list[Path]:
        """Return where the other runs in the same folder keep their artifacts, sorted."""
        found = self.path.parent.glob("*/artifacts") if self.path.parent.is_dir() else ()
        return sorted(place for place in found if place != self.artifacts)

    def check_recipe(self, recipe: Recipe) -> None:
        """Refuse a folder in which another recipe has trained.

        More ``order.changes`` may come, and more arms with a ``training.decay_from``; what changes
        no result may be otherwise.
        """
        place = self.path / RECIPE_FILE
        if not place.is_file():
            if self.path.is_dir() and any(p.name not in _UNCLAIMED for p in self.path.iterdir()):
                raise RunError(
                    "the folder is not empty and holds no run",
                    where=str(self.path),
                    mend="Choose another folder with --run-dir.",
                )
            return
        if not any(self.artifacts.glob("training.*")):
            return  # nothing but prepared text, which other recipes can use too
        made_by = self._made_by()
        new = {name: arm for name, arm in recipe.arms.items() if name not in made_by["arms"]}
        made_by["arms"] |= {name: arm for name, arm in new.items() if _decays_early(arm)}
        differences = [
            f"{path}: {old!r} there, {new!r} here"
            for path, old, new in _differences(made_by, yaml.safe_load(dump(recipe)))
            if not _goes_on(path, old, new) and not _changes_no_result(path)
        ]
        if differences:
            raise RunError(
                "the run folder was made by another recipe; they differ in\n  "
                + "\n  ".join(differences[:8]),
                where=str(self.path),
                mend="Choose another folder with --run-dir, or give the recipe another name. "
                "Nothing there was changed.",
            )

    def _made_by(self) -> Any:
        """Return the recipe that made the run, with the defaults of today for what is new since."""
        written = yaml.safe_load((self.path / RECIPE_FILE).read_text())
        try:
            return yaml.safe_load(dump(decode(written)))
        except RecipeError:
            return written  # of another version: the differences tell

    def claim(self, recipe: Recipe, stages: Sequence[Stage]) -> None:
        """Write down whose folder this is and which stages make it."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        write_text(self.path / RECIPE_FILE, dump(recipe))
        tree = {
            stage.label: {
                "kind": stage.kind,
                "subject": stage.subject,
                "fingerprint": stage.fingerprint,
            }
            for stage in stages
        }
        write_text(self.path / TREE_FILE, json.dumps(tree, indent=1))

    def recipe(self) -> Recipe:
        """Return the recipe that made the run."""
        self._require(RECIPE_FILE)
        return decode(
            yaml.safe_load((self.path / RECIPE_FILE).read_text()),
            where=str(self.path / RECIPE_FILE),
        )

    def stages(self) -> dict[str, ArtifactFolder]:
        """Return stage label to its artifact's place, as the last command left it."""
        self._require(TREE_FILE)
        tree = json.loads((self.path / TREE_FILE).read_text())
        return {
            label: ArtifactFolder(self.artifacts, label, entry["fingerprint"])
            for label, entry in tree.items()
        }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working in the folder; the lock dies with the process."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as lock:
            # Whoever looks (`is_worked_on`) holds the lock for a moment.
            if not any(_took(lock, fcntl.LOCK_EX, wait=wait) for wait in _WAITS):
                raise RunError(
                    "another process is working in this run folder",
                    where=str(self.path),
                    mend="Wait until it ends, or stop it: it can be resumed.",
                )
            yield

    def is_worked_on(self) -> bool:
        """Whether a process holds the folder's lock, on this machine or where the disk tells."""
        try:
            with (self.path / ".lock").open("rb") as lock:
                return not _took(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def _require(self, name: str) -> None:
        if not (self.path / name).is_file():
            raise RunError(
                f"this is no run folder: it has no {name}",
                where=str(self.path),
                mend="Give the folder that `gapless run` wrote (runs/NAME).",
            )


def _took(lock: IO[Any], kind: int, *, wait: float = 0.0) -> bool:
    """Whether a lock could be had, after waiting for some seconds."""
    time.sleep(wait)
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Return path, value there and value here, of the smallest parts that differ."""
    if isinstance(new, dict) and (old is None or isinstance(old, dict)):
        old = old or {}
        return [
            difference
            for key in sorted(old.keys() | new.keys(), key=str)
            for difference in _differences(
                old.get(key), new.get(key), f"{path}.{key}" if path else str(key)
            )
        ]
    return [] if old == new else [(path, old, new)]


def _decays_early(arm: Mapping[str, Any]) -> bool:
    training = arm.get("training")
    return isinstance(training, dict) and training.get("decay_from") is not None


def _changes_no_result(path: str) -> bool:
    if path == "logging" or path.startswith("model.assumed") or path.endswith(".assumed_tokens"):
        return True
    return any(path.endswith(f"training.{name}") for name in _NO_RESULT)


def _goes_on(path: str, old: Any, new: Any) -> bool:
    """Whether a difference is changes of the mixture that were added to those of before."""
    old = old or []
    return path.endswith("order.changes") and isinstance(new, list) and new[: len(old)] == old
