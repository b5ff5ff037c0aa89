"""What the report says of a training besides its results: moved layers, gradients, time, memory."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gapless.records.arm_journals import SPEED
from gapless.records.journal import Journal
from gapless.records.watched import (
    COSINE,
    EMBEDDINGS,
    FINAL_NORM,
    GRADIENTS,
    HEAD,
    LAYER_COSINES,
    PARTS,
    PEAK_MEMORY,
    PER_MILLION,
    SHARE,
    UPDATE,
)
from gapless.report import content as shown
from gapless.units import format_bytes
from gapless.workflow.time_spent import share_words, shares_of_time

_MOST_PROBES = 6
_ORDER = (EMBEDDINGS, "", FINAL_NORM, HEAD)
"""How text passes the parts of a model; the layers stand at the empty name."""


def parts_moved(rows: Sequence[Mapping[str, Any]]) -> tuple[shown.PartMoves, ...]:
    """Return how each part of a model moved, from the rows of observations.jsonl."""
    names = {name for row in rows for name in row.get(UPDATE, {})}
    return tuple(
        shown.PartMoves(
            name=name.replace("_", " "),
            layer=int(name) if name.isdigit() else None,
            update=_trace([(0, 0.0), *_values(rows, UPDATE, name)]),
            pace=_trace(_values(rows, PER_MILLION, name)),
            cosine=_trace(_values((_flat(row) for row in rows), LAYER_COSINES, name)),
        )
        for name in sorted(names, key=_place)
    )


def gradients(rows: Sequence[Mapping[str, Any]]) -> shown.GradientContent | None:
    """Return how the gradients of domain and general text agreed, where they were watched."""
    own = [_flat(row) for row in rows if GRADIENTS in row]
    if not own:
        return None
    return shown.GradientContent(
        cosine=_trace((row["tokens_seen"], row[COSINE]) for row in own),
        domain_norm=_trace((row["tokens_seen"], row["domain_norm"]) for row in own),
        general_norm=_trace((row["tokens_seen"], row["general_norm"]) for row in own),
        domain_tokens=own[-1]["domain_tokens"],
        general_tokens=own[-1]["general_tokens"],
    )


def seconds_of(training: Path) -> float:
    """Return how long a training took, measuring and saving included."""
    return math.fsum(row.get("seconds", 0.0) for row in Journal(training / SPEED).rows())


def base_facts(base: Path) -> dict[str, str]:
    """Return how long measurement zero took, in words; nothing of a run from before it was timed.

    It is measured once for all arms, and is in no arm's time.
    """
    rows = list(Journal(base / SPEED).rows())
    if not rows:
        return {}
    parts = Counter(rows[-1].get(PARTS, {})).most_common(_MOST_PROBES)
    probes = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts)
    return {"time measuring the base": f"{rows[-1]['seconds']:.1f} s ({probes})"}


def run_facts(trainings: Mapping[str, Path]) -> dict[str, str]:
    """Return where the time of a run's trainings went, arm by arm, in words."""
    facts: dict[str, dict[str, str]] = {}
    for arm, folder in trainings.items():
        rows = list(Journal(folder / SPEED).rows())
        for fact, text in _facts(rows):
            facts.setdefault(fact, {})[arm] = text
    return {
        fact: ", ".join(
            text if len(trainings) == 1 else f"{arm} {text}" for arm, text in own.items()
        )
        for fact, own in facts.items()
    }


def _facts(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for what, spent in shares_of_time(rows).items():
        yield f"time {what}", share_words(*spent)
    shares = [row[SHARE] for row in rows if SHARE in row]
    if shares:
        yield "share of this machine's matrix rate", f"{median(shares):.0%}"
    peaks = [row[PEAK_MEMORY] for row in rows if PEAK_MEMORY in row]
    if peaks:
        yield "peak memory", format_bytes(max(peaks))


def _values(
    rows: Iterable[Mapping[str, Any]], key: str, name: str
) -> Iterator[tuple[int, float | None]]:
    for row in rows:
        yield row["tokens_seen"], row.get(key, {}).get(name)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"tokens_seen": row["tokens_seen"], **row.get(GRADIENTS, {})}


def _trace(points: Iterable[tuple[int, float | None]]) -> shown.Trace:
    known = [(seen, value) for seen, value in points if value is not None]
    return shown.Trace(
        tokens=tuple(seen for seen, _ in known), values=tuple(value for _, value in known)
    )


def _place(name: str) -> tuple[int, int]:
    layer = name.isdigit()
    return _ORDER.index("" if layer else name), int(name) if layer else 0
