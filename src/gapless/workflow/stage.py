"""A node of the workflow."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gapless import assets
from gapless.errors import AssetError, DataError
from gapless.records import fingerprint
from gapless.records.artifact import ArtifactFolder, Manifest
from gapless.records.fingerprint import FileHashes
from gapless.workflow.engine import Engine

NOT_THERE = "not there"
"""What stands for the fingerprint of files that a plan goes on without: nothing is made of them."""
_ASSET = "asset:"
_UNREAD_BY_PLANS = ("scores.", "sources.", "synthesis.")
"""Where a recipe names files that a plan only takes the fingerprints of."""


class HashesOfPlan(FileHashes):
    """Fingerprints of files, some of which may not be there."""

    def of_file(self, path: Path) -> str:
        """Return the fingerprint of a file's bytes, or `NOT_THERE`."""
        return super().of_file(path) if path.exists() else NOT_THERE


@dataclass(frozen=True)
class Workplace:
    """What the stages of one run have in common."""

    recipe_dir: Path
    """Where the recipe's paths begin."""
    root: Path
    """Where artifacts are."""
    hashes: FileHashes
    engine: Engine
    told: Callable[[str, str], None] = lambda _label, _how_far: None
    """Hears how far a long stage is: its label, and a few words."""
    requests_to: Path | None = None
    """A folder for what a language model is to be asked, instead of asking it over the network."""
    assumes: bool = False
    """Whether what a recipe assumes stands for what is not there: in plans alone."""
    absent: dict[str, Path] = field(default_factory=dict)
    """Place in the recipe to a file that a plan goes on without, beside sources and models."""

    @property
    def answers(self) -> Path:
        """Where the answers of language models are kept: one file for all runs of a folder."""
        return self.root.parent.parent / "answers.sqlite"

    def file(self, path: str, where: str) -> Path:
        """Return the place of a file that the recipe names at ``where``.

        Raises:
            DataError: it is not there, or is a folder.

        """
        place = locate(path, self.recipe_dir)
        if self.assumes and where.startswith(_UNREAD_BY_PLANS) and not place.exists():
            self.absent[where] = place
        elif not place.is_file():
            what = "this is a folder, not a file" if place.is_dir() else "there is no such file"
            raise DataError(what, where=f"{where} ({place})", mend="Paths begin at the recipe.")
        return place


@contextmanager
def told_at(where: str) -> Iterator[None]:
    """Put the place in the recipe before that of a mistake found while working."""
    try:
        yield
    except DataError as error:
        known = error.where or where
        place = known if known.startswith(where) else f"{where} ({known})"
        raise DataError(error.what, where=place, mend=error.mend) from error


def words_version() -> int:
    """Return what a stage that splits text into words depends on."""
    from gapless.words import VERSION

    return VERSION


def locate(path: str, recipe_dir: Path) -> Path:
    """Turn a path of the recipe into a place on this machine."""
    if not path.startswith(_ASSET):
        return recipe_dir / Path(path).expanduser()
    name = path.removeprefix(_ASSET)
    place = assets.locate(name)
    if place is None:
        raise AssetError(
            f"asset {name!r} is not here yet", mend=f"Run: gapless assets fetch {name}"
        )
    return place


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Makes one artifact from others."""

    kind: str
    """``documents``, ``duplicates``, ``tokens``, ``probes``, ``base``, ``training``, ..."""
    subject: str = ""
    """The source or arm it is about; empty when it is about the run."""
    version: int
    """Raise it when the stage's code makes something else of the same inputs."""
    root: Path
    part: Any
    """The stage's part of the recipe, as JSON-like data."""
    inputs: Mapping[str, "Stage"] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    """Name to fingerprint of the files from outside the run that it reads."""
    work: Callable[["Stage", Path], dict[str, Any]]
    """Fills the given folder and returns the artifact's facts."""
    resumable: bool = False
    """Whether the work goes on in a folder that was left half done."""

    @property
    def label(self) -> str:
        """The stage's name for people and for ``--until``."""
        return f"{self.kind}.{self.subject}" if self.subject else self.kind

    @property
    def fingerprint(self) -> str:
        """The content hash of everything the artifact depends on."""
        return fingerprint.of_value(
            {
                "stage": self.label,
                "version": self.version,
                "part": self.part,
                "inputs": self._input_fingerprints(),
            }
        )

    @property
    def folder(self) -> ArtifactFolder:
        """The artifact's place."""
        return ArtifactFolder(self.root, self.label, self.fingerprint)

    @property
    def path(self) -> Path:
        """The committed folder."""
        return self.folder.path

    def is_done(self) -> bool:
        """Whether the artifact is there."""
        return self.folder.exists()

    def facts(self) -> dict[str, Any]:
        """Return the facts of the artifact, which must be there."""
        return self.folder.manifest().facts

    def make(self) -> None:
        """Do the work and commit the artifact."""
        if self.resumable:
            self.folder.partial_path.mkdir(parents=True, exist_ok=True)
            facts = self.work(self, self.folder.partial_path)
            self._commit(facts)
        else:
            with self.folder.fresh() as folder:
                facts = self.work(self, folder)
                self._commit(facts)

    def take_part(self) -> None:
        """Do the work beside the process that commits it."""
        self.work(self, self.folder.partial_path)

    def _commit(self, facts: dict[str, Any]) -> None:
        self.folder.commit(
            Manifest(
                stage=self.label,
                version=self.version,
                fingerprint=self.fingerprint,
                inputs=self._input_fingerprints(),
                facts=facts,
            )
        )

    def _input_fingerprints(self) -> dict[str, str]:
        return {name: stage.fingerprint for name, stage in self.inputs.items()} | dict(self.content)
