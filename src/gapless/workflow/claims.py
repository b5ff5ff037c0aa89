"""Claims: run what they need, look at what was seen, and keep a row of results for each.

    FOLDER/c04_name/claim.yaml + measure.py --recipes, seeds--> runs --measure--> results.jsonl

Recipes are run by processes of their own, so that several can be under way; each run goes on where
it was stopped, and a run that is done is not done again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gapless.errors import RecipeError, RunError
from gapless.recipe.claims import Claim
from gapless.recipe.part_files import load_part
from gapless.records.artifact import write_text
from gapless.records.claim_views import EMBEDDED, ClaimRow
from gapless.records.views import Progress, Silent
from gapless.workflow.claim_measures import Measure
from gapless.workflow.claim_runs import Run, do_all, is_done, refuse_another

CLAIM_FILE, RESULTS_FILE = "claim.yaml", "results.jsonl"


@dataclass(frozen=True)
class Found:
    """A claim, and its folder."""

    claim: Claim
    folder: Path


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
        RunError: a run failed, or was made by another recipe than there is now; a ``measure.py``
            or a row of the former results is wrong.

    """
    place, progress = Path(folder), progress or Silent()
    chosen = _chosen(find_claims(place), only, place)
    runs = sorted({run for found in chosen for run in runs_of(found, place / "runs", variant)})
    measures = [Measure(found.folder, found.claim) for found in chosen]  # wrong ones, before hours
    if rerun:
        _prepare(chosen, progress)
        do_all(runs, jobs=jobs, minutes=minutes, progress=progress)
    done = {run for run in runs if is_done(run)}
    for run in sorted(done):
        refuse_another(run)
    new = [
        _row_of(found, measure, runs_of(found, place / "runs", variant), variant)
        for found, measure in zip(chosen, measures, strict=True)
        if done.issuperset(runs_of(found, place / "runs", variant))
    ]
    return _keep(new, place / RESULTS_FILE)


def find_claims(place: Path) -> list[Found]:
    """Return the claims of a folder, in the order of its names.

    Raises:
        RecipeError: there is none, a file is wrong, or two claims or two recipes have one name.

    """
    files = sorted(place.glob(f"*/{CLAIM_FILE}"))
    if not files:
        mend = f"Give a folder whose folders have a {CLAIM_FILE}, such as experiments/claims."
        raise RecipeError("no claim is there", where=str(place), mend=mend)
    claims = [Found(load_part(file, Claim), file.parent) for file in files]
    _refuse_same_names(claims)
    return claims


def _refuse_same_names(claims: Sequence[Found]) -> None:
    """Refuse two claims of one id, whose rows, and two recipes of one name, whose runs are one."""
    ids: dict[str, Path] = {}
    recipes: dict[str, Path] = {}
    for found in claims:
        for kind, known, name, place in (
            ("claims", ids, found.claim.id, found.folder),
            *(("recipes", recipes, path.stem, path) for path in _recipes_of(found)),
        ):
            if known.setdefault(name, place) != place:
                what = f"two {kind} are called {name!r}"
                where = f"{known[name]} and {place}"
                raise RecipeError(what, where=where, mend="Give one of them another name.")


def _recipes_of(found: Found) -> list[Path]:
    return [(found.folder / each).resolve() for each in found.claim.recipes]


def runs_of(found: Found, place: Path, variant: str | None) -> list[Run]:
    """Return the runs that a claim is judged by."""
    seeds = range(1, found.claim.seeds + 1)
    return [Run(recipe, seed, variant, place) for seed in seeds for recipe in _recipes_of(found)]


def read_results(file: Path) -> list[ClaimRow]:
    """Return the rows of a file of results; none where there is no file.

    Raises:
        RunError: a line is no such row.

    """
    if not file.is_file():
        return []
    lines = file.read_bytes().splitlines()
    return [_read_row(line, f"{file}:{number}") for number, line in enumerate(lines, 1)]


def _read_row(line: bytes, where: str) -> ClaimRow:
    try:
        return ClaimRow.of(json.loads(line))
    except (ValueError, TypeError, KeyError) as error:
        mend = "Remove the line: its claim's row is written anew from runs that are done."
        raise RunError("this is no row of results", where=where, mend=mend) from error


def _chosen(claims: Sequence[Found], only: Sequence[str], place: Path) -> list[Found]:
    known = {found.claim.id: found for found in claims}
    for name in only:
        if name not in known:
            mend = f"There is {', '.join(known)}."
            raise RecipeError(f"there is no claim {name!r}", where=str(place), mend=mend)
    return [found for name, found in known.items() if not only or name in only]


def _prepare(chosen: Sequence[Found], progress: Progress) -> None:
    """Fetch the assets that claims name, and run each of their scripts once."""
    from gapless.assets import fetch, locate

    for name in dict.fromkeys(name for found in chosen for name in found.claim.assets):
        if locate(name) is None:
            progress.note(f"fetching {name}")
            fetch(name)
    scripts = [(found.folder / each).resolve() for found in chosen for each in found.claim.prepare]
    for script in dict.fromkeys(scripts):
        progress.note(f"running {script.parent.name}/{script.name}")
        done = subprocess.run([sys.executable, str(script)], check=False)  # noqa: S603 - a claim's own
        if done.returncode != 0:
            raise RunError(f"it ended with {done.returncode}", where=str(script))


def _row_of(found: Found, measure: Measure, runs: Sequence[Run], variant: str | None) -> ClaimRow:
    from gapless.analysis.verdicts import judge, judge_part
    from gapless.workflow.seen import Seen

    claim = found.claim
    seeds = range(1, claim.seeds + 1)
    scale = "" if variant is None else f"-{variant}"
    seen = [
        Seen(seed, [run.folder for run in runs if run.seed == seed], scale=scale) for seed in seeds
    ]
    measured = [measure(each) for each in seen]
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
