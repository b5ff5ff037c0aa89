"""Small runs of every kind: each packer under each curriculum under each mixture, as recipes plan.

Five strata of three sources: `law` in two labels, whose documents lie mixed in one store beside
documents that nobody selected; `one` is a single document. Lengths go from one token to several
rows, with some of exactly a row.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from gapless.mixing import Decision, Rounds, Supply, plan_phases
from gapless.ordering import (
    BestFit,
    Cut,
    Documents,
    OrderTable,
    Packer,
    RunOrder,
    Shuffled,
    Sorted,
    sequence_of,
)
from gapless.recipe.curricula import Buckets, ByScore, Curriculum, Interleaved, Labels
from gapless.recipe.mixtures import (
    DomainOnly,
    FixedMixture,
    OwnRule,
    PretrainingLike,
    Replay,
    Shares,
)
from gapless.recipe.schema import Change, Order, Phase
from gapless.records.rows import Rows
from gapless.records.stretches import Stretch
from gapless.seeds import stream
from gapless.strata import source_of

CONTEXT, SEED = 8, 3
PACKERS: dict[str, Packer] = {"cut": Cut(CONTEXT), "best_fit": BestFit(CONTEXT)}
CURRICULA: dict[str, Curriculum | None] = {
    "random": None,
    "ascending": ByScore(column="score"),
    "descending": ByScore(column="score", direction="descending"),
    "buckets": Buckets(column="score", buckets=3),
    "interleaved": Interleaved(column="score", cycles=2),
    "labels": Labels(column="score", labels=("2", "0", "1")),
    "across": ByScore(column="score", across=True),
    "labels_across": Labels(column="score", labels=("2", "0", "1"), across=True),
}
MIXTURES = ("static", "phases", "every_epoch", "fixed", "reuse", "change", "rounds")
LED = ("law", "news")
"""The sources that curricula are for; the others stay shuffled."""
ROLES = {"law": "domain", "news": "general", "wiki": "general", "one": "general"}


def _lengths(source: str, count: int) -> np.ndarray:
    drawn = stream(SEED, "lengths", source).integers(1, 14, size=count)
    drawn[: min(count, 5)] = (8, 1, 31, 16, 9)[:count]
    return drawn


LENGTHS = {name: _lengths(name, count) for name, count in (("law", 40), ("news", 17), ("wiki", 23))}
LENGTHS["one"] = np.array([3, 23, 5])
OFFSETS = {source: np.cumsum([0, *lengths]) for source, lengths in LENGTHS.items()}
STRATA = {
    "law/a": np.arange(1, 40, 3),
    "law/b": np.arange(2, 40, 3),
    "news": np.arange(17),
    "wiki": np.arange(2, 23),
    "one": np.array([1]),
}
"""Stratum to its documents; the others of a store are not selected."""
EXTRA = "wiki/more"
"""A stratum that only some tests add."""


@dataclass(frozen=True)
class Kind:
    """One kind of run."""

    packing: str
    curriculum: str
    mixture: str

    def __str__(self) -> str:
        return f"{self.packing}-{self.curriculum}-{self.mixture}"

    @property
    def packer(self) -> Packer:
        return PACKERS[self.packing]

    @property
    def led(self) -> tuple[str, ...]:
        """The strata that the curriculum is for."""
        if CURRICULA[self.curriculum] is None:
            return ()
        return tuple(name for name in STRATA if source_of(name) in LED)

    @property
    def across(self) -> bool:
        curriculum = CURRICULA[self.curriculum]
        return curriculum is not None and curriculum.across


KINDS = [Kind(p, c, m) for p in PACKERS for c in CURRICULA for m in MIXTURES]


def documents(stratum: str) -> Documents:
    chosen = np.array([0, 1]) if stratum == EXTRA else STRATA[stratum]
    return Documents(stratum, chosen, OFFSETS[source_of(stratum)])


@cache
def sequence(curriculum: str, stratum: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the sequence and scores of a stratum: few different values, and some missing."""
    made, own = CURRICULA[curriculum], documents(stratum)
    assert made is not None
    values = stream(SEED, "values", stratum).integers(0, 6, size=len(own)).astype(float)
    if isinstance(made, Labels):
        values %= 3
    values[stream(SEED, "missing", stratum).random(len(own)) < 0.1] = np.nan
    return sequence_of(made, own, values, seed=SEED)


PRETRAINING = PretrainingLike(
    pretraining={"web": 6, "wiki": 3, "one": 1},
    replaced=("web",),
    sources={"wiki": "wiki", "one": "one"},
    epoch=40 * CONTEXT,
)


def _to_and_fro(log: Sequence[Mapping[str, object]], _: object) -> dict[str, float]:
    """Give everything to one label and the next time to the other."""
    return {"law/a": 1.0, "law/b": 0.0} if len(log) % 2 else {"law/a": 0.0, "law/b": 1.0}


def _reacting(share: float) -> OwnRule:
    rest = 1 - share - 0.05
    start = Shares(shares={"law": share, "wiki": rest / 2, "news": rest / 2, "one": 0.05})
    return OwnRule(start=start, interval=70, sources=("law",), name="mine", max_change=1)


def phases(mixture: str) -> tuple[tuple[Phase, ...], tuple[Change, ...]]:
    """Return the phases and changes of a mixture; its odd phases are those with a curriculum.

    There is one before and one after, so that nothing begins or ends with an epoch.
    """
    first, last = (Phase(tokens=n * CONTEXT, mixture=Replay(general=0.5)) for n in (23, 29))
    between = Phase(tokens=71 * CONTEXT, mixture=Replay(general=0.4))
    if mixture in ("every_epoch", "fixed"):
        between = Phase(
            tokens=100 * CONTEXT, mixture=PRETRAINING.model_copy(update={"draw": mixture})
        )
    if mixture == "phases":
        again = Phase(tokens=37 * CONTEXT, mixture=DomainOnly())
        return (first, between, last, again), ()
    if mixture == "reuse":
        between = between.model_copy(update={"reuse": True})
    if mixture == "rounds":
        reacting = Phase(tokens=60 * CONTEXT, mixture=_reacting(0.5))
        return (first, reacting, last, reacting.model_copy(update={"reuse": True})), ()
    if mixture == "change":
        changes = [Change(at=n * CONTEXT + 3, mixture=made) for n, made in CHANGES.items()]
        return (first, between, last), tuple(changes)
    return (first, between, last), ()


CHANGES: dict[int, FixedMixture] = {
    9: Shares(shares={"law": 0.2, "wiki": 0.7, "one": 0.1}),
    23: Shares(shares={"law": 0.7, "news": 0.3}),
    24: Shares(shares={"law": 0.5, "news": 0.3, "wiki": 0.1, "one": 0.1}),
    60: PRETRAINING.model_copy(update={"epoch": 10 * CONTEXT, "draw": "fixed"}),
    122: Shares(shares={"wiki": 1.0}),
}
"""Row to mixture: one at a phase's first row, another a row after it, one before the last row."""


def order_of(mixture: str, *, changes: int | None = None) -> Order:
    made, changed = phases(mixture)
    return Order(context=CONTEXT, phases=made, changes=changed[:changes], max_repetition=99)


@cache
def rounds_of(kind: Kind, *, changes: int | None = None) -> Rounds:
    """Return the planned phases of a kind, with its first so many changes."""
    sizes = {name: kind.packer.sizes(Shuffled(documents(name), seed=SEED)) for name in STRATA}
    tokens = {name: int(own.sum()) * CONTEXT // kind.packer.row_size for name, own in sizes.items()}
    order, supply = order_of(kind.mixture, changes=changes), Supply(ROLES, tokens)
    planned = plan_phases(order, supply, batch_rows=4)
    return Rounds(planned, order, supply, {"mine": _to_and_fro})


@cache
def decisions_of(kind: Kind) -> tuple[Decision, ...]:
    """Return the log of a run whose perplexities never change; its rule goes to and fro."""
    rounds, made = rounds_of(kind), []
    measured = {"law/a": 2.0, "law/b": 2.0}
    for row in rounds.readings:
        made.append(rounds.decide(row, made, base=measured, now=measured))
    return tuple(made)


@cache
def stretches_of(kind: Kind) -> tuple[Stretch, ...]:
    return tuple(rounds_of(kind).stretches(decisions_of(kind)))


def table_of(kind: Kind, strata: Sequence[str] = tuple(STRATA)) -> OrderTable:
    kept = [Shuffled(documents(name), seed=SEED) for name in strata]
    curricula = {(name, kind.curriculum): sequence(kind.curriculum, name) for name in kind.led}
    kept += [Sorted(documents(key[0]), *pair, key=key[1]) for key, pair in curricula.items()]
    sizes = {(each.documents.stratum, each.key): kind.packer.sizes(each) for each in kept}
    return OrderTable({name: documents(name).indices for name in strata}, sizes, curricula)


def run_of(
    kind: Kind, stretches: Sequence[Stretch] | None = None, *, table: OrderTable | None = None
) -> RunOrder:
    """Return the order of a kind, as a workflow opens it."""
    table = table or table_of(kind)
    streams = {
        name: table.stream(name, OFFSETS[source_of(name)], kind.packer, seed=SEED)
        for name in table.documents
    }
    rounds = rounds_of(kind)
    curriculum_phases = range(1, len(rounds.phases), 2)
    arrangements = {
        (index, name): table.arrangement(streams[name], kind.curriculum)
        for index in curriculum_phases
        for name in kind.led
    }
    merged = dict.fromkeys(curriculum_phases, kind.led) if kind.across else {}
    known = stretches_of(kind) if stretches is None else stretches
    return RunOrder(
        known,
        streams,
        num_rows=max(rounds.num_rows, sum(stretch.length for stretch in known)),
        arrangements=arrangements,
        merged=merged,
        seed=SEED,
    )


@cache
def rows_of(kind: Kind) -> Rows:
    """Return all rows of a run."""
    run = run_of(kind)
    assert run.known_rows == run.num_rows
    return run.rows(0, run.num_rows)


def digest(rows: Rows) -> str:
    """Return the hash of everything that rows say."""
    pieces = rows.pieces
    fields = (rows.strata, rows.phases, pieces.offsets, pieces.documents, pieces.begins)
    arrays = [np.asarray(each, "<i8").tobytes() for each in (*fields, pieces.ends, pieces.epochs)]
    return hashlib.sha256(b"".join([repr(rows.names).encode(), *arrays])).hexdigest()


def digest_of_folder(kind: Kind, folder: Path) -> str:
    """Return the hash of a run whose arrays lie in a folder, read in steps of three rows."""
    run = run_of(kind, table=OrderTable.open(folder))
    for start in range(0, run.num_rows - 3, 3):
        run.rows(start, start + 3)
    return digest(run.rows(0, run.num_rows))
