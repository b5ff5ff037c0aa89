"""Tasks of lm-evaluation-harness in a run: what they need, what is kept of them, who asks them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.probes import Harness, HarnessTask
from gapless.records.fingerprint import FileHashes
from gapless.records.measurements import ItemValues, Measurement
from gapless.workflow.stage import Stage, locate

if TYPE_CHECKING:
    from gapless.evaluation.harness import LoadedTasks, TaskSpec

_FILES = frozenset({".csv", ".json", ".jsonl", ".parquet", ".py", ".txt", ".yaml", ".yml"})


def harness_probes(recipe: Recipe) -> list[Harness]:
    """Return the probes of the recipe that ask tasks of the harness."""
    return [probe for probe in recipe.probing.probes if isinstance(probe, Harness)]


def harness_specs(recipe: Recipe) -> list[TaskSpec]:
    """Return the tasks that are asked, those of suites included, in the recipe's order."""
    return [spec for own in _specs_by_probe(recipe).values() for spec in own]


def _specs_by_probe(recipe: Recipe) -> dict[int, list[TaskSpec]]:
    """Return the place of each probe in ``probing.probes`` to its tasks."""
    from gapless.evaluation.harness import TaskSpec, task_specs

    found: dict[int, list[TaskSpec]] = {}
    for number, probe in enumerate(recipe.probing.probes):
        if not isinstance(probe, Harness):
            continue
        found[number] = []
        if probe.suite is not None:
            found[number] += task_specs(probe.suite, role=probe.role, limit=probe.limit)
        for each in probe.tasks:
            task = HarnessTask(task=each) if isinstance(each, str) else each
            role = task.role or probe.role
            assert role is not None, "checks.py refuses a task without a role"
            found[number].append(
                TaskSpec(
                    name=task.task,
                    role=role,
                    shots=task.shots,
                    limit=task.limit or probe.limit,
                    parts=task.parts,
                )
            )
    return found


def _places_of_specs(recipe: Recipe) -> dict[int, range]:
    """Return the place of each probe to those of its tasks among all that are asked."""
    places, begin = {}, 0
    for number, own in _specs_by_probe(recipe).items():
        places[number] = range(begin, begin + len(own))
        begin += len(own)
    return places


def harness_paths(recipe: Recipe, recipe_dir: Path) -> list[Path]:
    """Return the folders with tasks of the user's own.

    Raises:
        DataError: there is no such folder.

    """
    paths = [locate(path, recipe_dir) for probe in harness_probes(recipe) for path in probe.paths]
    for path in paths:
        if not path.is_dir():
            what, mend = "there is no such folder of tasks", "Paths begin at the recipe."
            raise DataError(what, where=f"probing.probes (harness): {path}", mend=mend)
    return list(dict.fromkeys(paths))


def harness_content(recipe: Recipe, recipe_dir: Path, hashes: FileHashes) -> dict[str, str]:
    """Return what the tasks depend on beside the recipe: the harness, and the user's own files."""
    if not harness_probes(recipe):
        return {}
    from gapless.evaluation.harness import check_installed

    check_installed()
    files = [
        path
        for folder in harness_paths(recipe, recipe_dir)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _FILES and path.is_file()
    ]
    return {"harness": version("lm_eval"), "harness.files": hashes.of_files(files)}


def load_harness(recipe: Recipe, recipe_dir: Path) -> LoadedTasks:
    """Load the recipe's tasks, from what is on this machine."""
    from gapless.evaluation.harness import load_tasks

    return load_tasks(harness_specs(recipe), harness_paths(recipe, recipe_dir))


def keep_harness(
    recipe: Recipe, recipe_dir: Path, folder: Path, taken: Collection[str]
) -> dict[str, Any]:
    """Check the recipe's tasks, write what is kept of them, and return a stage's facts of them.

    ``taken`` are the names of the other probes.

    Raises:
        DataError: a task cannot be asked, or has the name of another probe or of a source.

    """
    from gapless.evaluation.harness import write_harness

    kept = write_harness(folder, load_harness(recipe, recipe_dir))
    for task in kept:
        if task.probe in taken or task.probe in recipe.sources:
            what = f"{task.probe!r} is the name of a source or of another probe already"
            mend = "Measurements go by it: give the other one another name."
            raise DataError(what, where="probing.probes (harness)", mend=mend)
    return {
        task.probe: {
            "items": task.documents,
            "task": task.task,
            "version": task.version,
            "shots": task.shots,
            "digest": task.digest,
            "bytes_read": task.bytes_read,
            "tokens_written": task.tokens_written,
            "asked": task.asked,
            "left_out": list(task.left_out),
        }
        for task in kept
    }


def harness_measurer(
    recipe: Recipe, recipe_dir: Path, probes: Stage
) -> Callable[..., tuple[list[Measurement], dict[str, ItemValues]]] | None:
    """Return what asks the tasks of a run at a point of it (`measure_harness`); None without any.

    Tasks are loaded, and compared with those that the stage ``probes`` kept, when first asked. With
    a ``number``, those of one probe are asked: the one at that place in ``probing.probes``.
    """
    if not harness_probes(recipe):
        return None
    from gapless.evaluation.harness import check_same, measure_harness, read_harness

    loaded: list[LoadedTasks] = []
    places = _places_of_specs(recipe)

    def ask(model: Any, tokenizer: Any, *, number: int | None = None, **where: Any) -> Any:
        if not loaded:
            tasks = load_harness(recipe, recipe_dir)
            check_same(read_harness(probes.path), tasks, where=str(probes.path))
            loaded.append(tasks)
        asked = loaded[0] if number is None else loaded[0].of(places[number])
        return measure_harness(model, tokenizer, asked, **where)

    return ask


def harness_sizes(recipe: Recipe, probes: Stage) -> Iterator[tuple[int, int, int]]:
    """Give of each task its probe's place, the bytes read and written, and the tokens written.

    None before the probes are made.
    """
    if not probes.is_done():
        return
    owners = {place: number for number, own in _places_of_specs(recipe).items() for place in own}
    for facts in probes.facts().values():
        if isinstance(facts, dict) and "bytes_read" in facts:
            # Probes of before these were counted have neither.
            written = facts.get("tokens_written", 0)
            yield owners[facts.get("asked", 0)], facts["bytes_read"], written


def harness_warnings(recipe: Recipe, recipe_dir: Path) -> Iterator[str]:
    """Say which tasks need data that is not here yet, and how to fetch it."""
    if not harness_probes(recipe):
        return
    from gapless.evaluation.harness import downloads, fetching

    names = [spec.name for spec in harness_specs(recipe)]
    found = downloads(names, harness_paths(recipe, recipe_dir))
    missing = [each for each in found if not each.cached]
    if missing:
        tasks: dict[str, list[str]] = {}
        for each in missing:
            tasks.setdefault(each.task, []).append(each.dataset)
        listed = ", ".join(f"{task} ({', '.join(sets)})" for task, sets in tasks.items())
        yield (
            f"Data of the Hugging Face hub that is not in the cache, of {listed}: nothing is "
            f"downloaded while a run goes on. Fetch it: {fetching(missing)}"
        )
