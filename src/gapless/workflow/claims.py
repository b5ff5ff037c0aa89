"""Claims: run what they need, look at what was seen, and keep a row of results for each.

    FOLDER/c04_name/claim.yaml + measure.py --recipes, seeds--> runs --measure--> results.jsonl

Recipes are run by processes of their own, so that several can be under way; each run goes on where
it was stopped, and a run that is done is not done again.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import RecipeError, RunError
from gapless.recipe.claims import Claim, load_claim
from gapless.records.artifact import write_text
from gapless.records.claim_views import ClaimRow
from gapless.records.views import Progress, Silent

if TYPE_CHECKING:
    from gapless.workflow.seen import Seen

CLAIM_FILE, MEASURE_FILE, RESULTS_FILE = "claim.yaml", "measure.py", "results.jsonl"
EMBEDDED = "embedded"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
_GRACE_SECONDS = 300
"""How long a run that is told to stop may take to keep its state."""


@dataclass(frozen=True)
class Found:
    """A claim, and its folder."""

    claim: Claim
    folder: Path


@dataclass(frozen=True, order=True)
class Run:
    """A recipe with one seed."""

    recipe: Path
    seed: int
    variant: str | None
    place: Path
    """Where runs of claims are."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        scale = "" if self.variant is None else f"-{self.variant}"
        return self.place / f"{self.recipe.stem}{scale}-seed{self.seed}"

    def command(self) -> list[str]:
        """Return what does it."""
        chosen = [] if self.variant is None else ["--variant", self.variant]
        line = ["run", str(self.recipe), *chosen, "--set", f"seed={self.seed}"]
        return [sys.executable, "-m", "gapless", *line, "--run-dir", str(self.folder)]


def judge_claims(
    folder: str | Path,
    *,
    only: Sequence[str] = (),
    variant: str | None = None,
    jobs: int = 1,
    minutes: float | None = None,
    rerun: bool = True,
    progress: Progress | None = None,
) -> list[ClaimRow]:
    """Test the claims of a folder, and return all results there are.

    ``only`` are ids; ``variant`` runs their recipes at another scale. With ``minutes``, runs are
    stopped after so long, to be gone on with; a claim whose runs are not done keeps its former row.
    Without ``rerun``, nothing is trained: what is done is looked at again.

    Raises:
        RecipeError: a claim's file is wrong, or there is none of that id.
        RunError: a run failed.

    """
    place, progress = Path(folder), progress or Silent()
    chosen = _chosen(find_claims(place), only, place)
    runs = sorted({run for found in chosen for run in runs_of(found, place / "runs", variant)})
    if rerun:
        _prepare(chosen, progress)
        _do_all(runs, jobs=jobs, minutes=minutes, progress=progress)
    done = {run for run in runs if _is_done(run)}
    new = [
        _row_of(found, runs_of(found, place / "runs", variant), variant)
        for found in chosen
        if done.issuperset(runs_of(found, place / "runs", variant))
    ]
    return _keep(new, place / RESULTS_FILE)


def find_claims(place: Path) -> list[Found]:
    """Return the claims of a folder, in the order of its names."""
    files = sorted(place.glob(f"*/{CLAIM_FILE}"))
    if not files:
        mend = f"Give a folder whose folders have a {CLAIM_FILE}, such as experiments/claims."
        raise RecipeError("no claim is there", where=str(place), mend=mend)
    return [Found(load_claim(file), file.parent) for file in files]


def runs_of(found: Found, place: Path, variant: str | None) -> list[Run]:
    """Return the runs that a claim is judged by."""
    recipes = [(found.folder / each).resolve() for each in found.claim.recipes]
    seeds = range(1, found.claim.seeds + 1)
    return [Run(recipe, seed, variant, place) for seed in seeds for recipe in recipes]


def read_results(file: Path) -> list[ClaimRow]:
    """Return the rows of a file of results; none where there is no file."""
    if not file.is_file():
        return []
    return [ClaimRow.of(json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def _chosen(claims: Sequence[Found], only: Sequence[str], place: Path) -> list[Found]:
    known = {found.claim.id: found for found in claims}
    for name in only:
        if name not in known:
            mend = f"There is {', '.join(known)}."
            raise RecipeError(f"there is no claim {name!r}", where=str(place), mend=mend)
    return [found for name, found in known.items() if not only or name in only]


def _prepare(chosen: Sequence[Found], progress: Progress) -> None:
    """Run each script that claims name, once."""
    scripts = [(found.folder / each).resolve() for found in chosen for each in found.claim.prepare]
    for script in dict.fromkeys(scripts):
        progress.note(f"running {script.parent.name}/{script.name}")
        done = subprocess.run([sys.executable, str(script)], check=False)  # noqa: S603 - a claim's own
        if done.returncode != 0:
            raise RunError(f"it ended with {done.returncode}", where=str(script))


def _do_all(runs: Sequence[Run], *, jobs: int, minutes: float | None, progress: Progress) -> None:
    """Do what is missing, so many at once, until the time is over."""
    until = None if minutes is None else time.monotonic() + 60 * minutes
    missing = [run for run in runs if not _is_done(run)]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        work = [pool.submit(_do, run, threads=threads, until=until) for run in missing]
        try:
            for run, each in zip(missing, work, strict=True):
                each.result()
                if _is_done(run):
                    progress.note(f"{run.folder.name} is done")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _do(run: Run, *, threads: int, until: float | None) -> None:
    if until is not None and time.monotonic() >= until:
        return
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_suffix(".log")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            run.command(), stdout=said, stderr=subprocess.STDOUT, env=environment
        )
        try:
            rc = process.wait(None if until is None else max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait(_GRACE_SECONDS)
            return
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
    if rc != 0:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
        raise RunError(f"the run failed: {' '.join(last)}", where=str(log))
    _drop_models(run)


def _drop_models(run: Run) -> None:
    """Remove the weights of a run that is measured: its journals and its report are kept."""
    from gapless.training.checkpoints import FOLDER
    from gapless.workflow.exporting import MODEL_FOLDER
    from gapless.workflow.run_folder import RunFolder

    for label, place in RunFolder(run.folder).stages().items():
        if label.startswith("training."):
            for name in (FOLDER, MODEL_FOLDER):
                shutil.rmtree(place.path / name, ignore_errors=True)


def _is_done(run: Run) -> bool:
    from gapless.workflow.run_folder import REPORT_FILE

    return (run.folder / REPORT_FILE).is_file()


def _row_of(found: Found, runs: Sequence[Run], variant: str | None) -> ClaimRow:
    from gapless.analysis.verdicts import judge, judge_part
    from gapless.workflow.seen import Seen

    claim = found.claim
    seeds = range(1, claim.seeds + 1)
    seen = [Seen(seed, [run.folder for run in runs if run.seed == seed]) for seed in seeds]
    measured = [_measured(found, each) for each in seen]
    parts = tuple(
        judge_part(name, expected, [numbers[name] for numbers in measured])
        for name, expected in claim.parts.items()
    )
    return ClaimRow(
        id=claim.id,
        scale=variant or EMBEDDED,
        hypothesis=claim.hypothesis,
        source=claim.source,
        verdict=judge(parts),
        parts=parts,
        seeds=tuple(seeds),
        tokens=sum(tokens for each in seen for tokens, _ in each.looked_at.values()),
        flops=sum(flops for each in seen for _, flops in each.looked_at.values()),
        small=claim.small,
    )


def _measured(found: Found, seen: Seen) -> Mapping[str, float | None]:
    """Ask a claim's ``measure`` for its numbers."""
    file = found.folder / MEASURE_FILE
    if not file.is_file():
        raise RunError(f"the claim has no {MEASURE_FILE}", where=str(found.folder))
    measure: Callable[[Seen], Mapping[str, float | None]] = runpy.run_path(str(file))["measure"]
    numbers = measure(seen)
    if set(numbers) != set(found.claim.parts):
        what = f"measure gives {', '.join(numbers)}; the claim has {', '.join(found.claim.parts)}"
        raise RunError(what, where=str(file))
    return numbers


def _keep(new: Sequence[ClaimRow], file: Path) -> list[ClaimRow]:
    """Write the results with the new rows in the place of their former ones."""
    rows = {(row.id, row.scale): row for row in [*read_results(file), *new]}
    ordered = [rows[key] for key in sorted(rows, key=_in_order)]
    write_text(file, "".join(json.dumps(asdict(row)) + "\n" for row in ordered))
    return ordered


def _in_order(key: tuple[str, str]) -> tuple[Any, ...]:
    name, scale = key
    number = "".join(letter for letter in name if letter.isdigit())
    return (int(number or 0), name, scale != EMBEDDED, scale)


def write_table(rows: Sequence[ClaimRow], page: Path) -> None:
    """Put the table of results between the two marks of a Markdown page.

    Raises:
        RunError: the page has no such marks.

    """
    text = page.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        mend = f"Write {BEGIN} and {END}, each on a line of its own, where the table belongs."
        raise RunError("the page has no place for a table", where=str(page), mend=mend)
    write_text(page, head + begin + "\n" + "\n".join(table(rows)) + "\n" + end + tail)


def table(rows: Sequence[ClaimRow]) -> Iterator[str]:
    """Yield the lines of a Markdown table of results."""
    yield "| claim | scale | verdict | seen, mean and 95 % interval over seeds | seeds | tokens |"
    yield "| --- | --- | --- | --- | ---: | ---: |"
    for row in rows:
        parts = "<br>".join(f"{part.says}: {part.seen}, wanted {part.wanted}" for part in row.parts)
        said = f"**{row.id}** {row.hypothesis}"
        tokens = f"{row.tokens:,}" if row.tokens else "-"
        yield f"| {said} | {row.scale} | {row.verdict} | {parts} | {len(row.seeds)} | {tokens} |"
