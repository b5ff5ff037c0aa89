"""A run while it goes on, from its journals alone: nothing is locked, nothing is written.

A journal may grow between two looks, be cut back (a resumed run does that) or move with its folder
when the stage is done; what was read before is kept as long as it is still there.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gapless.errors import RunError
from gapless.recipe import Recipe, arms
from gapless.records.arm_journals import FAULTS, MEASUREMENTS, SPEED, STEPS
from gapless.records.artifact import ArtifactFolder
from gapless.records.live_views import Line, Live, LiveArm, LiveFault, LiveValue, State
from gapless.records.watched import WHAT
from gapless.workflow.early_decay import end_token
from gapless.workflow.live_findings import LiveFindings
from gapless.workflow.results import ANALYSIS
from gapless.workflow.run_folder import REPORT_FILE, RunFolder
from gapless.workflow.time_spent import shares_of_time

_RECENT_STEPS = 32
_LOSS_POINTS = 400
_SHOWN_METRIC = "bits_per_byte"
_CHECKED_BYTES = 256


class Tail:
    """The whole rows of a journal that somebody else writes; each look reads what is new."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._read = 0
        self._end = b""
        """The last bytes that were read: when they have changed, the journal was cut."""

    def look(self, path: Path) -> list[dict[str, Any]]:
        """Return the rows that the journal has now; a missing one has none.

        Raises:
            RunError: a row is damaged.

        """
        try:
            return self._look(path)
        except ValueError:  # it was cut while it was read: once more, from the beginning
            self.rows, self._read, self._end = [], 0, b""
        try:
            return self._look(path)
        except ValueError as error:
            raise RunError(f"a row cannot be read ({error})", where=str(path)) from error

    def _look(self, path: Path) -> list[dict[str, Any]]:
        try:
            with path.open("rb") as file:
                file.seek(self._read - len(self._end))
                if file.read(len(self._end)) != self._end:
                    self.rows, self._read, self._end = [], 0, b""
                    file.seek(0)
                new = file.read()
        except FileNotFoundError:
            self.rows, self._read, self._end = [], 0, b""
            return self.rows
        whole = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self.rows += [json.loads(line) for line in whole.splitlines()]
        self._read += len(whole)
        self._end = (self._end + whole)[-_CHECKED_BYTES:]
        return self.rows


class LiveRun:
    """Looks at one run again and again."""

    def __init__(self, run_dir: Path) -> None:
        """Look at a run's folder.

        Raises:
            RunError: it is none.

        """
        self._folder = RunFolder(run_dir)
        self._tails: dict[tuple[str, str], Tail] = {}
        self._findings = LiveFindings()
        self._recipe = self._folder.recipe()

    def look(self) -> Live:
        """Return how the run is now."""
        folder = self._folder
        worked_on = folder.is_worked_on()  # first: what is done after it is seen as well
        self._recipe = folder.recipe()  # a run may go on with a changed one
        stages = folder.stages()
        missing = [label for label, place in stages.items() if not place.exists()]
        report = folder.path / REPORT_FILE
        return Live(
            run_dir=folder.path,
            name=self._recipe.name,
            stages_done=len(stages) - len(missing),
            stages=len(stages),
            stage=missing[0] if missing else "",
            worked_on=worked_on,
            report=report if report.is_file() else None,
            arms=tuple(
                self._arm(name, arm, stages)
                for name, arm in arms(self._recipe).items()
                if f"training.{name}" in stages
            ),
        )

    def _arm(self, name: str, arm: Recipe, stages: Mapping[str, ArtifactFolder]) -> LiveArm:
        order, training = stages[f"order.{name}"], stages[f"training.{name}"]
        total = end_token(arm, order.manifest().facts["tokens"]) if order.exists() else None
        done = training.exists()
        read = self._reader(name, training)
        steps, measured = read(STEPS), read(MEASUREMENTS)
        seen = steps[-1]["tokens_seen"] if steps else 0
        state: State = "done" if done else "under way" if steps or measured else "not started"
        learnt = [row for row in steps if row["loss"] is not None]
        metric, lines = _changes(measured)
        speed, left = _pace(read(SPEED), None if done or total is None else total - seen)
        measuring, costs = shares_of_time(read(SPEED)).get("measuring", (None, {}))
        return LiveArm(
            name=name,
            state=state,
            tokens_seen=seen,
            total_tokens=total,
            metric=metric,
            gain=lines.get("domain", Line()),
            forgetting=lines.get("general", Line()),
            loss=_thinned(learnt),
            learning_rate=learnt[-1]["learning_rate"] if learnt else None,
            tokens_per_second=speed,
            seconds_left=left,
            measured_at=measured[-1]["tokens_seen"] if measured else None,
            values=tuple(_last_values(measured)),
            faults=tuple(
                LiveFault(step=row["step"], what=row["what"], action=row["action"])
                for row in read(FAULTS)
            ),
            measuring=measuring,
            costs=tuple(costs.items()),
            findings=self._findings.look(
                name, training, measured, stages[ANALYSIS], seed=self._recipe.seed
            ),
            analysed=stages[ANALYSIS].exists(),
        )

    def _reader(self, arm: str, training: ArtifactFolder) -> Callable[[str], list[dict[str, Any]]]:
        def read(journal: str) -> list[dict[str, Any]]:
            tail = self._tails.setdefault((arm, journal), Tail())
            # The folder is renamed when it is done: look again at the new name.
            if training.exists():
                return tail.look(training.path / journal)
            return tail.look(training.partial_path / journal) or tail.look(training.path / journal)

        return read


def _changes(rows: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Line]]:
    """Return the metric that is shown, and role to its mean change against the base model.

    A probe without a value at 0 tokens cannot be compared; a point counts where all of a role's
    probes have a value.
    """
    if not rows:
        return "", {}
    metric = _shown_metric(rows)
    base: dict[tuple[str, str], float] = {}
    points: dict[str, dict[int, dict[str, float]]] = {}
    for row in rows:
        if row["metric"] != metric:
            continue
        role, probe, seen = row["role"], row["probe"], row["tokens_seen"]
        if seen == 0:
            base[role, probe] = row["value"]
        if (role, probe) in base:
            sign = 1 if row["higher_is_better"] else -1
            change = sign * (row["value"] - base[role, probe])
            points.setdefault(role, {}).setdefault(seen, {})[probe] = change
    return metric, {role: _means(own, base, role) for role, own in points.items()}


def _means(
    points: Mapping[int, Mapping[str, float]], base: Mapping[tuple[str, str], float], role: str
) -> Line:
    number = sum(own == role for own, _ in base)
    whole = {seen: own for seen, own in points.items() if len(own) == number}
    return Line(
        tokens=tuple(whole), values=tuple(sum(own.values()) / number for own in whole.values())
    )


def _shown_metric(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(row["metric"] for row in rows))
    return _SHOWN_METRIC if _SHOWN_METRIC in names else str(names[0])


def _last_values(rows: Sequence[Mapping[str, Any]]) -> Iterator[LiveValue]:
    base = {(row["probe"], row["metric"]): row["value"] for row in rows if row["tokens_seen"] == 0}
    last = {(row["probe"], row["metric"]): row for row in rows}
    for row in last.values():
        before = base.get((row["probe"], row["metric"]))
        sign = 1 if row["higher_is_better"] else -1
        is_first = before is None or row["tokens_seen"] == 0
        yield LiveValue(
            probe=row["probe"],
            role=row["role"],
            metric=row["metric"],
            value=row["value"],
            change=None if is_first else sign * (row["value"] - before),
            standard_error=row["standard_error"],
            tokens_seen=row["tokens_seen"],
        )


def _thinned(learnt: Sequence[Mapping[str, Any]]) -> Line:
    """Return the loss of the steps that learnt, as means of equally many."""
    size = -(-len(learnt) // _LOSS_POINTS) or 1
    groups = [learnt[start : start + size] for start in range(0, len(learnt), size)]
    return Line(
        tokens=tuple(group[-1]["tokens_seen"] for group in groups),
        values=tuple(sum(row["loss"] for row in group) / len(group) for group in groups),
    )


def _pace(
    rows: Sequence[Mapping[str, Any]], tokens_left: int | None
) -> tuple[float | None, float | None]:
    """Return the tokens per second of the last steps, and the seconds left, of speed.jsonl."""
    steps: list[tuple[int, float]] = []
    inside = beside = 0.0
    before = 0
    for row in rows:
        seconds, seen = row.get("seconds", 0.0), row["tokens_seen"]
        if WHAT in row:
            beside += seconds
        elif "seconds" in row:
            steps.append((seen - before, seconds))
            inside += seconds
            before = seen
        else:
            before = seen  # a training begins, or goes on
    recent = [seconds / tokens for tokens, seconds in steps[-_RECENT_STEPS:] if tokens > 0]
    if not recent or median(recent) <= 0:
        return None, None
    pace = median(recent)
    left = None if tokens_left is None else tokens_left * pace * (1 + beside / inside)
    return 1 / pace, left
