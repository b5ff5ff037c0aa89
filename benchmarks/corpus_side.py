"""One side of a comparison, in a process of its own and on one core; writes what it took as JSON.

    python corpus_side.py JOB.json

Standard library only, since it also runs in a peer's environment. A side is a function of the
text's files, an empty folder and settings; it returns a function that says what came out, which is
called when the clock stands. First it does a small text, unmeasured: that loads and compiles what
it needs. Then it does the real one, several times if it is quick, and the median counts.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Side = Callable[[list[Path], Path, dict[str, Any]], Callable[[], dict[str, Any]]]

QUICK_SECONDS = 10.0


def main() -> None:
    """Do the job whose file is named on the command line."""
    job = json.loads(Path(sys.argv[1]).read_text())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {job["core"]})
    side: Side = import_module(job["module"]).SIDES[job["side"]]
    out = Path(job["out"])
    if job["warm"]:
        do(side, job["warm"], out, job["settings"])
    start_mb = peak_mb()
    runs = [do(side, job["files"], out, job["settings"])]
    while len(runs) < job["repeats"] and sum(run["wall"] for run in runs) < QUICK_SECONDS:
        runs.append(do(side, job["files"], out, job["settings"]))
    runs.sort(key=lambda run: run["cpu"])
    answer = runs[len(runs) // 2] | {"start_mb": start_mb, "peak_mb": peak_mb(), "runs": len(runs)}
    answer["versions"] = {name: found(name) for name in job["packages"] if found(name)}
    Path(job["answer"]).write_text(json.dumps(answer))


def do(side: Side, files: list[str], out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Run a side once, in an empty folder; return its seconds and its facts."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    gc.collect()
    wall, cpu = time.perf_counter(), cpu_seconds()
    facts = side([Path(file) for file in files], out, settings)
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return {"wall": wall, "cpu": cpu, "facts": facts()}


def cpu_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def peak_mb() -> float:
    """Return the most memory that this process, or one child of it, ever had (resident, MB).

    On Linux ``ru_maxrss`` begins with what the parent had before this program was loaded, so the
    kernel's own mark of this program is read there.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.is_file():
        marks = [line.split() for line in status.read_text().splitlines()]
        own = next(int(mark[1]) * 1024 for mark in marks if mark[0] == "VmHWM:")
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit) / 1e6


def found(package: str) -> str | None:
    """Return the version of a package, or None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
