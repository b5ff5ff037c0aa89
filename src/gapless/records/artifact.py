"""Artifacts: folders that exist whole or not at all.

    <root>/<label>-<fingerprint>/manifest.json      committed
    <root>/<label>-<fingerprint>.partial/           being made; resumable stages go on in it

A folder without a manifest does not exist. It is written last, then the folder is renamed.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gapless.errors import RunError

MANIFEST_VERSION = 1
_MANIFEST = "manifest.json"
_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artifact is: the stage that made it, from what, and its counts."""

    stage: str
    version: int
    fingerprint: str
    inputs: dict[str, str]
    """Name of each input to its fingerprint."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Counts and other small results of the stage."""
    manifest_version: int = MANIFEST_VERSION


@dataclass(frozen=True)
class ArtifactFolder:
    """The place of one artifact, made or not."""

    root: Path
    label: str
    fingerprint: str

    @property
    def path(self) -> Path:
        """The committed folder."""
        return self.root / f"{self.label}-{self.fingerprint[:_SHOWN_DIGITS]}"

    @property
    def partial_path(self) -> Path:
        """The folder while it is being made."""
        return self.path.with_name(self.path.name + ".partial")

    def exists(self) -> bool:
        """Whether the artifact is complete."""
        return (self.path / _MANIFEST).is_file()

    def manifest(self) -> Manifest:
        """Read the manifest of a complete artifact."""
        place = self.path / _MANIFEST
        try:
            manifest = Manifest(**json.loads(place.read_text()))
        except (OSError, ValueError, TypeError) as error:
            mend = f"Delete the folder {self.path}; the next run makes it again."
            raise RunError("the manifest cannot be read", where=str(place), mend=mend) from error
        if manifest.fingerprint != self.fingerprint:
            mend = f"Delete the folder {self.path}; the next run makes it again."
            raise RunError("the folder's content has another origin", where=str(place), mend=mend)
        return manifest

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """Give an empty partial folder to fill; it disappears when the work fails."""
        shutil.rmtree(self.partial_path, ignore_errors=True)
        self.partial_path.mkdir(parents=True)
        try:
            yield self.partial_path
        except BaseException:
            shutil.rmtree(self.partial_path, ignore_errors=True)
            raise

    def adopt(self, root: Path) -> bool:
        """Take the same artifact over from another root, if it is complete there.

        Files are linked, not copied, where the disk allows: artifacts never change.
        """
        theirs = ArtifactFolder(root, self.label, self.fingerprint)
        if not theirs.exists():
            return False
        try:
            theirs.manifest()
        except RunError:  # damaged: theirs to mend, and no use to us
            return False
        try:
            with self.fresh() as folder:
                for file in (place for place in theirs.path.rglob("*") if place.is_file()):
                    target = folder / file.relative_to(theirs.path)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    link(file, target)
                commit_folder(folder, self.path)
        except (FileNotFoundError, PermissionError):  # deleted meanwhile, or not ours to read
            return False
        return True

    def commit(self, manifest: Manifest) -> None:
        """Turn the partial folder into the artifact."""
        assert manifest.fingerprint == self.fingerprint
        write_text(self.partial_path / _MANIFEST, json.dumps(asdict(manifest), indent=1))
        commit_folder(self.partial_path, self.path)


def link(source: str | Path, target: str | Path) -> None:
    """Give a file that never changes a second name, or copy it to another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_text(path: Path, text: str) -> None:
    """Write a file whole: to a partial name, flushed to the disk, then renamed."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def commit_folder(partial: Path, final: Path) -> None:
    """Flush every file of ``partial`` to the disk and rename the folder to ``final``."""
    for path in partial.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    partial.rename(final)
    descriptor = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
