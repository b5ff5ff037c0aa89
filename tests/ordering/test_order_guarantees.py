"""What the order promises, over every packer, curriculum and mixture (see `order_matrix`)."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from order_audit import audit, rows_by_stretch, tokens_of
from order_matrix import (
    CHANGES,
    CONTEXT,
    EXTRA,
    KINDS,
    LENGTHS,
    OFFSETS,
    STRATA,
    Kind,
    decisions_of,
    digest,
    digest_of_folder,
    documents,
    rounds_of,
    rows_of,
    run_of,
    sequence,
    stretches_of,
    table_of,
)

from gapless.ordering import blocks
from gapless.packing import IGNORED, pack
from gapless.records.rows import Row, Rows
from gapless.records.stretches import Stretch
from gapless.records.token_store import TokenStore, TokenStoreWriter
from gapless.strata import source_of


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    """Blocks of five documents, so that a few documents make many."""
    with mock.patch.object(blocks, "BLOCK", 5):
        yield


every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
steady_kinds = pytest.mark.parametrize("kind", [k for k in KINDS if k.mixture == "static"], ids=str)
DOCUMENT_LENGTHS = {
    name: {int(d): int(LENGTHS[source_of(name)][d]) for d in chosen}
    for name, chosen in STRATA.items()
}


def slow_sequence(counts: Sequence[int]) -> list[int]:
    """Return whose turn it is, row by row."""
    places = [((i + 0.5) / count, s) for s, count in enumerate(counts) for i in range(count)]
    return [s for _, s in sorted(places)]


@cache
def parts_of(kind: Kind) -> list[tuple[Stretch, list[Row]]]:
    """Return every stretch with its rows."""
    stretches = stretches_of(kind)
    return list(zip(stretches, rows_by_stretch(rows_of(kind), stretches), strict=True))


def slots(kind: Kind, stretch: Stretch) -> tuple[dict[str, int], dict[str, str]]:
    """Return the rows of each stratum or group that goes across, and the slot of each stratum."""
    in_curriculum = stretch.phase % 2 == 1 and kind.across
    group = [n for n, count in stretch.rows.items() if count and in_curriculum and n in kind.led]
    slot = {name: group[0] if name in group else name for name in stretch.rows}
    counts = dict.fromkeys(stretch.rows, 0)
    for name, count in stretch.rows.items():
        counts[slot[name]] += count
    return counts, slot


@every_kind
def test_every_row_has_the_phase_and_stratum_that_the_plan_gives_it(kind: Kind) -> None:
    rows, rounds = rows_of(kind), rounds_of(kind)
    planned = [i for i, phase in enumerate(rounds.phases) for _ in range(phase.num_rows)]
    assert rows.phases.tolist() == planned
    for stretch, part in parts_of(kind):
        counts, slot = slots(kind, stretch)
        names = list(counts)
        expected = [names[s] for s in slow_sequence(list(counts.values()))][: stretch.length]
        assert [slot[row.stratum] for row in part] == expected
        seen = Counter(row.stratum for row in part)
        assert all(seen[name] <= count for name, count in stretch.rows.items())
        if stretch.length == sum(stretch.rows.values()):
            assert seen == {name: count for name, count in stretch.rows.items() if count}


@every_kind
def test_every_selected_token_is_seen_exactly_as_often_as_planned(kind: Kind) -> None:
    rows = rows_of(kind)
    assert audit(rows, stretches_of(kind), DOCUMENT_LENGTHS) > 0, "epochs that were whole"
    lengths = [sum(s.end - s.begin for s in row.segments) for row in rows]
    assert max(lengths) == CONTEXT
    if kind.packing == "cut":
        assert min(lengths) == CONTEXT


@pytest.mark.parametrize("kind", [k for k in KINDS if k.mixture == "fixed"], ids=str)
def test_a_fixed_draw_comes_again_whole_and_under_a_curriculum_in_its_sequence(kind: Kind) -> None:
    first, again, cut = [part for _, part in parts_of(kind)[1:4]]
    assert len(cut) == len(first) / 2
    for name in ("law/a", "law/b", "wiki", "one"):
        shown = [[row.segments for row in part if row.stratum == name] for part in (first, again)]
        assert Counter(shown[0]) == Counter(shown[1])
        assert len(shown[0]) > 3
        if name in kind.led:
            assert shown[0] == shown[1]
        elif name != "one":
            assert shown[0] != shown[1], "another sequence"


def curriculum_rows(kind: Kind, name: str, phase: int) -> dict[int, tuple[int, float]]:
    """Return row to (epoch, score of its first document), of a stratum in a phase.

    Rows that begin with a document begun before the phase are left out: they come first. So are
    rows shown again.
    """
    scores = dict(
        zip(documents(name).indices.tolist(), sequence(kind.curriculum, name)[1], strict=True)
    )
    own = [row for row in rows_of(kind) if row.stratum == name]
    begun = {(s.epoch, s.document) for row in own if row.phase < phase for s in row.segments}
    shown_again = {
        row.index
        for stretch, part in parts_of(kind)
        for row in part
        if stretch.draws.get(name) == "again"
    }
    firsts = {
        row.index: row.segments[0]
        for row in own
        if row.phase == phase and row.index not in shown_again
    }
    return {
        index: (first.epoch, float(scores[first.document]))
        for index, first in firsts.items()
        if (first.epoch, first.document) not in begun
    }


@pytest.mark.parametrize("kind", [k for k in KINDS if k.led and k.mixture != "fixed"], ids=str)
def test_a_curriculum_goes_by_its_scores_in_every_phase_that_has_it(kind: Kind) -> None:
    seen = 0
    for phase in range(1, len(rounds_of(kind).phases), 2):
        for name in kind.led:
            places = list(curriculum_rows(kind, name, phase).values())
            assert places == sorted(places)
            seen += len(set(places))
    assert seen > 9


@pytest.mark.parametrize("kind", [k for k in KINDS if k.across and k.mixture != "fixed"], ids=str)
def test_strata_that_go_across_follow_one_another_by_score(kind: Kind) -> None:
    turns = 0
    for stretch, part in parts_of(kind):
        if stretch.phase % 2 == 0:
            continue
        places: dict[int, tuple[int, float]] = {}
        for name in kind.led:
            own = curriculum_rows(kind, name, stretch.phase)
            epochs = [row.segments[0].epoch for row in part if row.stratum == name]
            places |= {
                row.index: (own[row.index][0] - epochs[0], own[row.index][1])
                for row in part
                if row.index in own
            }
        ordered = [places[index] for index in sorted(places)]
        assert ordered == sorted(ordered)
        names = [row.stratum for row in part if row.stratum in kind.led]
        turns += sum(a != b for a, b in pairwise(names))
    assert turns > 9


@every_kind
def test_save_draw_five_resume_draw_the_same_five(kind: Kind) -> None:
    rows, rounds, stretches = rows_of(kind), rounds_of(kind), stretches_of(kind)
    for at in rounds.readings[1::3] or (17, 101):
        read = [d for d in decisions_of(kind) if d.tokens_seen <= at * CONTEXT]
        known = rounds.stretches(read)
        assert known == list(stretches[: len(known)])
        run = run_of(kind, known)
        assert run.known_rows > at
        drawn = list(run.rows(at, min(at + 5, run.known_rows)))
        for stretch in stretches[len(known) :]:
            run.extend(stretch)
        drawn += [run.row(k) for k in range(at + len(drawn), min(at + 5, len(rows)))]
        assert drawn == [rows.row(k) for k in range(at, min(at + 5, len(rows)))]
        assert digest(run.rows(0, run.num_rows)) == digest(rows)


@every_kind
def test_a_batch_is_the_same_rows_in_micro_batches_of_any_size(kind: Kind) -> None:
    run, at = run_of(kind), 20
    batch = list(rows_of(kind))[at : at + 8]
    for size in (8, 4, 2, 1):
        drawn = [run.rows(first, first + size) for first in range(at, at + 8, size)]
        assert [row for part in drawn for row in part] == batch


def of_strata(rows: Rows) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for row in rows:
        found.setdefault(row.stratum, []).append(row.segments)
    return found


@every_kind
def test_adding_and_removing_sources_leaves_the_others_as_they_are(kind: Kind) -> None:
    def shown(*, added: dict[str, int], removed: str) -> dict[str, list[object]]:
        stretches = [
            Stretch.whole(
                stretch.phase,
                added | {n: count for n, count in stretch.rows.items() if n != removed},
                {n: draw for n, draw in stretch.draws.items() if n != removed},
            )
            for stretch in stretches_of(kind)
        ]
        run = run_of(kind, stretches, table=table_of(kind, (*added, *STRATA)))
        return of_strata(run.rows(0, run.known_rows))

    base, changed = shown(added={}, removed=""), shown(added={EXTRA: 4}, removed="news")
    assert len(changed.pop(EXTRA)) == 4 * len(stretches_of(kind))
    assert changed | {"news": base["news"]} == base
    assert set(base) == set(STRATA)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.mixture == "change"], ids=str)
def test_a_change_keeps_what_was_seen_and_repeats_or_skips_nothing(kind: Kind) -> None:
    before: list[Row] = []
    rest: list[Row] = []
    for number, row in enumerate((*CHANGES, None)):
        stretches = rounds_of(kind, changes=number).stretches([])
        run = run_of(kind, stretches)
        rows = run.rows(0, run.num_rows)
        audit(rows, stretches, DOCUMENT_LENGTHS)
        assert list(rows)[: len(before)] == before
        assert list(rows)[len(before) :] != rest
        before, rest = list(rows)[:row], list(rows)[row:]


@every_kind
def test_every_window_has_the_shares_whatever_the_curriculum(kind: Kind) -> None:
    for stretch, part in parts_of(kind):
        counts, slot = slots(kind, stretch)
        shares = np.array(list(counts.values())) / sum(counts.values())
        owners = np.array([list(counts).index(slot[row.stratum]) for row in part])
        sums = np.zeros((len(part) + 1, len(counts)))
        sums[1:] = np.cumsum(np.eye(len(counts))[owners], axis=0)
        starts, stops = np.triu_indices(len(part) + 1, 1)
        off = sums[stops] - sums[starts] - (stops - starts)[:, None] * shares
        assert (np.abs(off) <= 1 + len(counts) * shares + 1e-9).all()


FOLDER_KINDS = [Kind("cut", "across", "fixed"), Kind("best_fit", "descending", "phases")]


@pytest.mark.parametrize("kind", FOLDER_KINDS, ids=str)
def test_orders_on_one_folder_do_not_disturb_one_another(kind: Kind, tmp_path: Path) -> None:
    table_of(kind).write(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code = (
        "import sys, order_matrix as m; from gapless.ordering import blocks; blocks.BLOCK = 5; "
        "print(m.digest_of_folder(m.Kind(*sys.argv[2:]), m.Path(sys.argv[1])))"
    )
    command = [
        sys.executable,
        "-c",
        code,
        str(tmp_path),
        kind.packing,
        kind.curriculum,
        kind.mixture,
    ]
    here = Path(__file__).parent
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True) as other:
        with ThreadPoolExecutor(3) as pool:
            digests = list(pool.map(lambda _: digest_of_folder(kind, tmp_path), range(3)))
        assert other.stdout is not None
        digests.append(other.stdout.read().strip())
    assert digests == [digest(rows_of(kind))] * 4
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.fixture(scope="module", params=[60_000, 200_000], ids=["uint16", "uint32"])
def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, TokenStore]:
    """Every token of every source has an id of its own, up to the vocabulary's largest."""
    found, top = {}, request.param - 1
    for source, offsets in OFFSETS.items():
        folder = tmp_path_factory.mktemp(source)
        with TokenStoreWriter(folder, vocabulary_size=request.param) as writer:
            for low, high in pairwise(offsets.tolist()):
                writer.add(np.arange(top - low, top - high, -1), held_out=False)
        found[source] = TokenStore.open(folder)
        assert found[source].tokens.dtype.itemsize == (2 if request.param == 60_000 else 4)
    return found


@steady_kinds
def test_packed_rows_hold_the_documents_tokens_and_nothing_else(
    kind: Kind, stores: Mapping[str, TokenStore]
) -> None:
    rows = rows_of(kind)
    packed = pack(rows, stores, context=CONTEXT)
    assert packed.padding == len(rows) * CONTEXT - len(tokens_of(list(rows)))
    assert (packed.padding > 0) == (kind.packing == "best_fit")
    for row, ids, targets, positions in zip(
        rows, packed.ids, packed.targets, packed.positions, strict=True
    ):
        slices = [stores[row.source].document(s.document)[s.begin : s.end] for s in row.segments]
        left = CONTEXT - sum(map(len, slices))
        assert ids.tolist() == [*np.concatenate(slices).tolist(), *[0] * left]
        wanted = [token for part in slices for token in (*part[1:].tolist(), IGNORED)]
        assert targets.tolist() == [*wanted, *[IGNORED] * left]
        assert positions.tolist() == [i for n in (*map(len, slices), left) for i in range(n)]
