"""The report of a sweep: what its folder says, as the page's content."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gapless.records.artifact import write_text
from gapless.workflow.run_folder import REPORT_FILE
from gapless.workflow.sweep_results import (
    SWEEP_FILE,
    TRIALS_FILE,
    ranking_of,
    read_rows,
    read_sweep,
)
from gapless.workflow.sweep_saved import is_out_of_date, saved_laws, saved_proposal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gapless.recipe.sweeps import Sweep
    from gapless.records.sweep_views import TrialRow
    from gapless.report.sweeps import SweepContent
    from gapless.workflow.run_folder import RunFolder


def is_sweep_run(folder: RunFolder) -> bool:
    """Whether a run folder holds a sweep that came to its end."""
    return all((folder.path / name).is_file() for name in (TRIALS_FILE, SWEEP_FILE))


def write_sweep_report(folder: RunFolder) -> Path:
    """Write the report of a sweep, and return its path.

    Raises:
        RunError: the sweep has not come to its end.

    """
    from gapless.report.sweeps import render_sweep

    path = folder.path / REPORT_FILE
    write_text(path, render_sweep(sweep_content(folder)))
    return path


def sweep_content(folder: RunFolder) -> SweepContent:
    """Return what the report of a sweep shows."""
    from gapless.report.sweeps import SweepContent

    sweep, rows = read_sweep(folder), read_rows(folder)
    written = (folder.path / TRIALS_FILE).stat().st_mtime
    place = folder.path / "environment.json"
    return SweepContent(
        name=sweep.name,
        created=datetime.fromtimestamp(written, UTC).strftime("%Y-%m-%d"),
        goal=sweep.goal.most,
        general_loss=sweep.goal.general_loss,
        halved=sweep.halving is not None,
        trials=rows,
        ranking=tuple(ranking_of(rows, sweep.goal)),
        laws=tuple(saved_laws(folder)),
        proposal=saved_proposal(folder),
        environment=json.loads(place.read_text()) if place.is_file() else {},
        warnings=(*_warnings(sweep, rows), *_out_of_date(folder)),
    )


def _warnings(sweep: Sweep, rows: Sequence[TrialRow]) -> Iterator[str]:
    if sweep.big_tokens is None:
        yield (
            "The trials drew from all of the text and repeated it less than a big run will: the "
            "sweep has no big_tokens."
        )
    if sweep.seeds == 1:
        yield "Every setting has one seed: a rank from one seed is a draw."
    missing = sum(row.state in {"failed", "not started"} for row in rows)
    if missing:
        yield f"{missing:,} of {len(rows):,} trials are missing, and their settings have no rank."


def _out_of_date(folder: RunFolder) -> Iterator[str]:
    if is_out_of_date(folder):
        yield (
            "A law or a proposal was made by other trials than these and is left out: run "
            "`gapless fit` and `gapless propose` again."
        )
