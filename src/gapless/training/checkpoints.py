"""Checkpoints: everything a run needs to go on as if it had never stopped.

    checkpoints/step-00000120/   config.json, model.safetensors: loads in `transformers`
        optimizer.safetensors    the optimizer's moments, by parameter name
        hooks.safetensors        what hooks remember, by hook and name; only where some do
        state.json               step, tokens seen, what was measured here, SHA-256 of every file

Several processes write `model-00001-of-00004.safetensors` and so on: tensors are whole and dealt
out, so any number of processes can read them. Written to a partial name, flushed, read back,
renamed. Half a checkpoint does not exist.
"""

import json
import logging
import shutil
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import torch

from gapless.errors import RunError
from gapless.modeling import save_config
from gapless.records.artifact import commit_folder, link
from gapless.training.processes import ALONE, Processes
from gapless.training.tensor_files import digest, write_tensors
from gapless.training.tensors import MODEL, OfHooks, Tensors, own_part, put_back

FOLDER = "checkpoints"
_STATE, _INDEX = "state.json", "model.safetensors.index.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunState:
    """Where a run stands."""

    step: int = 0
    tokens_seen: int = 0
    domain_change: float | None = None
    """Mean improvement of the domain probes over the base model, measured at this step."""


@dataclass(frozen=True)
class _Saved:
    """One checkpoint on the disk."""

    path: Path
    state: RunState
    files: Mapping[str, str]
    """Name of each file to its digest; empty when state.json itself cannot be read."""

    @classmethod
    def read(cls, path: Path) -> "_Saved":
        try:
            values = json.loads((path / _STATE).read_text())
            files = values.pop("files")
            return cls(path, RunState(**values), files)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls(path, RunState(), {})


@dataclass(frozen=True)
class _Part:
    """What one process has written of a checkpoint."""

    digests: Mapping[str, str]
    weights: Mapping[str, str]
    """Name of each of the model's tensors to its file."""
    num_bytes: int
    error: str | None


class Checkpoints:
    """The checkpoints of one arm. Every process calls every method, in the same order."""

    def __init__(
        self,
        folder: Path,
        *,
        keep_last: int,
        keep_steps: Collection[int] = (),
        asynchronous: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        self.folder = folder
        self.keep_last = keep_last
        self.keep_steps = keep_steps
        self._processes = processes
        self._aside = processes.group_aside() if asynchronous else None
        self._writer = ThreadPoolExecutor(1, "checkpoint") if asynchronous else None
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        """Sweep up what a kill has left half written."""
        if self._processes.is_first:
            for partial in self.folder.glob("step-*.partial"):
                shutil.rmtree(partial)
        self._processes.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is being written; an error that is on its way already goes first."""
        if self._writing is not None and error is not None:
            wait([self._writing])
            if (other := self._writing.exception()) is not None:
                _log.warning("the last checkpoint could not be written: %s", other)
        else:
            self.finish()
        if self._writer is not None:
            self._writer.shutdown()

    def finish(self) -> None:
        """Return when nothing is being written any more; raise what went wrong meanwhile."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def latest(self) -> tuple[Path, RunState] | None:
        """Return the newest sound checkpoint; damaged ones are set aside, with a note.

        Raises:
            RunError: there are checkpoints, and all are damaged.

        """
        self.finish()
        while known := self._processes.agreed(self._known()):
            newest = known[-1]
            damage = self._damage(newest)
            if damage is None:
                return newest.path, newest.state
            if len(known) == 1:
                raise RunError(
                    f"the checkpoint is damaged: {damage}",
                    where=str(newest.path),
                    mend="There is none before it. Put the file back from a copy, or delete this "
                    "folder: the run begins again.",
                )
            aside = newest.path.with_suffix(".damaged")
            if self._processes.is_first:
                _log.warning(
                    "the checkpoint %s is damaged: %s; it is kept as %s, and the run goes on from "
                    "the one before it",
                    newest.path,
                    damage,
                    aside.name,
                )
                shutil.rmtree(aside, ignore_errors=True)
                newest.path.rename(aside)
            self._processes.wait()
        return None

    def save(
        self,
        model: Any,
        optimizer: torch.optim.Optimizer,
        state: RunState,
        hooks: OfHooks = MappingProxyType({}),
    ) -> None:
        """Write a checkpoint; drop those that are neither to be kept nor the last nor the best.

        When asynchronous, it is copied to the host's memory and written by another thread.
        """
        self.finish()
        partial = self._place(state).with_suffix(".partial")
        if self._processes.is_first:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            save_config(model, partial, dtype=model.dtype)
        self._processes.wait()
        part = own_part(model, optimizer, hooks, self._processes, copy=self._writer is not None)
        if self._writer is None:
            self._write(part, state)
        else:
            self._writing = self._writer.submit(self._write, part, state)

    def newest(self, *, until: int) -> tuple[Path, RunState] | None:
        """Return the newest checkpoint with at most ``until`` tokens seen, as it lies there."""
        for saved in reversed(self._known()):
            if saved.files and saved.state.tokens_seen <= until:
                return saved.path, saved.state
        return None

    def adopt(self, other: Path) -> None:
        """Take over another arm's checkpoint; its files are linked where the disk allows."""
        partial = self.folder / f"{other.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(other, partial, copy_function=link)
        commit_folder(partial, self.folder / other.name)

    def restore(
        self,
        model: Any,
        optimizer: torch.optim.Optimizer,
        folder: Path,
        hooks: OfHooks = MappingProxyType({}),
    ) -> dict[str, dict[str, torch.Tensor]]:
        """Load weights and optimizer state, in place; return what each hook remembers.

        ``hooks`` is what they have now: a tensor that is divided over processes comes back so.
        """
        from safetensors import SafetensorError

        try:
            return put_back(model, optimizer, hooks, folder)
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise RunError(
                f"the checkpoint does not fit the model: {error}",
                where=str(folder),
                mend="Was it written for another model or method? If not, delete this folder; the "
                "run goes on from the checkpoint before it.",
            ) from error

    def _place(self, state: RunState) -> Path:
        return self.folder / f"step-{state.step:08d}"

    def _known(self) -> list[_Saved]:
        return [_Saved.read(p) for p in sorted(self.folder.glob("step-????????")) if p.is_dir()]

    def _damage(self, saved: _Saved) -> str | None:
        """Return what is wrong with a checkpoint; each process reads some of its files."""
        if not saved.files:
            return f"{_STATE} cannot be read"
        found = None
        for name in sorted(saved.files)[self._processes.rank :: self._processes.size]:
            if not (saved.path / name).is_file():
                found = f"{name} is missing"
            elif digest(saved.path / name) != saved.files[name]:
                found = f"{name} is not what was written"
        return next((what for what in self._processes.gathered(found) if what), None)

    def _write(self, part: Mapping[str, Tensors], state: RunState) -> None:
        """Write this process's part; when all have theirs, the first makes it a checkpoint."""
        final = self._place(state)
        partial = final.with_suffix(".partial")
        digests: dict[str, str] = {}
        failure: Exception | None = None
        try:
            for kind, tensors in part.items():
                write_tensors(tensors, partial / self._file(kind))
                digests[self._file(kind)] = digest(partial / self._file(kind))
        except Exception as error:  # noqa: BLE001 - the others must hear of it, whatever it is
            failure = error
        weights = part.get(MODEL, {})
        told = _Part(
            digests,
            dict.fromkeys(weights, self._file(MODEL)),
            sum(tensor.nbytes for tensor in weights.values()),
            None if failure is None else str(failure),
        )
        parts = self._processes.gathered(told, self._aside)
        if failure is not None:
            raise failure
        for rank, other in enumerate(parts):
            if other.error is not None:
                raise RunError(f"process {rank} could not write the checkpoint: {other.error}")
        if self._processes.is_first:
            self._commit(parts, state, partial, final)

    def _commit(self, parts: list[_Part], state: RunState, partial: Path, final: Path) -> None:
        if self._processes.size > 1:
            index = {
                "metadata": {"total_size": sum(part.num_bytes for part in parts)},
                "weight_map": {name: file for part in parts for name, file in part.weights.items()},
            }
            (partial / _INDEX).write_text(json.dumps(index))
        files = {name: value for part in parts for name, value in part.digests.items()}
        files |= {p.name: digest(p) for p in partial.iterdir() if p.name not in files}
        (partial / _STATE).write_text(json.dumps({**asdict(state), "files": files}))
        shutil.rmtree(final, ignore_errors=True)
        commit_folder(partial, final)
        self._drop_others()

    def _file(self, kind: str) -> str:
        """Return what this process calls its file of a kind."""
        rank, size = self._processes.rank, self._processes.size
        return (
            f"{kind}.safetensors"
            if size == 1
            else f"{kind}-{rank + 1:05d}-of-{size:05d}.safetensors"
        )

    def _drop_others(self) -> None:
        known = self._known()
        best = _best(known)
        kept = {saved.path for saved in known[-self.keep_last :]} | ({best.path} if best else set())
        kept |= {saved.path for saved in known if saved.state.step in self.keep_steps}
        for saved in known:
            if saved.path not in kept:
                doomed = saved.path.with_suffix(".partial")
                saved.path.rename(doomed)
                shutil.rmtree(doomed)


def _best(known: list[_Saved]) -> _Saved | None:
    measured = [saved for saved in known if saved.state.domain_change is not None]
    return max(measured, key=lambda saved: saved.state.domain_change or 0.0, default=None)
