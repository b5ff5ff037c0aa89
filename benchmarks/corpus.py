"""Our corpus stages and their peers, on the same text and one core each.

    python benchmarks/corpus.py [FILE.jsonl.zst ...] [--peer-python PATH] [--only NAME ...]
    python benchmarks/corpus.py FILE.jsonl.zst ... --scale FOLDER

Each side runs in a process of its own, pinned to one core (`corpus_side.py`), ours by this Python
(`corpus_ours.py`), datatrove and rensa by the one that --peer-python names (`corpus_peers.py`).
Printed is a Markdown table: MB of text for each second of processor time, their ratio, the seconds
themselves, the most memory resident, and whether both sides came to the same result. Without files
the shipped corpora are read.

With --scale, ours alone run on 0.1, 1 and 5 GB made of the files with words swapped; printed are
the exponent of the processor time, by least squares on logarithms, and the memory at each size.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

from corpus_runs import Bench
from corpus_text import Text, beginning, perturbed, shipped, texts, write

from gapless.workflow.machine import processor

WARM_MB, SCALE_WARM_MB = 0.2, 20
"""Unmeasured text before the clock starts; at scale, so much that memory has been touched."""
HEADS = (
    "what",
    "peer",
    "MB",
    "ours, MB/s",
    "peer, MB/s",
    "ratio",
    "ours, CPU s (wall)",
    "peer, CPU s (wall)",
    "ours, peak MB (before)",
    "peer, peak MB (before)",
    "result, ours and peer",
)
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One of our stages beside its peer."""

    name: str
    what: str
    peer: str
    """A package or program that must be there."""
    outcome: Callable[[Facts, Facts], str]
    """Says from both sides' facts how their results compare."""
    is_normal: bool = False
    """Whether the peer starts from normalised text."""


def both(key: str, unit: str) -> Callable[[Facts, Facts], str]:
    """Return an outcome that shows two counts."""
    return lambda ours, peer: f"{ours[key]:,} and {peer[key]:,} {unit}"


def same_verdicts(ours: Facts, peer: Facts) -> str:
    """Say how many documents have the same verdict."""
    one, two = (Path(facts["verdicts"]).read_bytes() for facts in (ours, peer))
    same = sum(a == b for a, b in zip(one, two, strict=True)) / len(one)
    return f"{ours['kept']:,} and {peer['kept']:,} kept, {same:.1%} alike"


def same_ids(ours: Facts, peer: Facts) -> str:
    """Say whether two token stores are equal byte for byte."""
    equal = ours["sha256"] == peer["sha256"]
    return f"{ours['tokens']:,} ids, " + ("identical" if equal else "NOT identical")


def same_scores(ours: Facts, peer: Facts) -> str:
    """Say whether two means agree."""
    one, two = (facts["mean_log10_perplexity"] for facts in (ours, peer))
    return f"mean log10 perplexity {one:.4f} and {two:.4f}"


def same_model(ours: Facts, peer: Facts) -> str:
    """Say whether two models have the same numbers of n-grams."""
    equal = ours["ngrams"] == peer["ngrams"]
    return f"{sum(ours['ngrams']):,} n-grams, " + ("as many" if equal else "NOT as many")


def kept_and_tokens(ours: Facts, peer: Facts) -> str:
    """Show how many documents are left and how many tokens were written."""
    return "; ".join(both(key, key)(ours, peer) for key in ("kept", "near copies", "tokens"))


def flagged(ours: Facts, peer: Facts) -> str:
    """Show what rensa flags beside what goes."""
    return f"{ours['removed']:,} removed; {peer['members of copies']:,} flagged, firsts among them"


COMPARISONS = (
    Comparison(
        "near_dedup", "near copies, from JSON Lines", "datatrove", both("removed", "removed")
    ),
    Comparison("near_copies", "near copies, in memory", "rensa", flagged),
    Comparison("cleaners", "quality cleaners", "datatrove", same_verdicts),
    Comparison("ngram_score", "n-gram scoring", "kenlm", same_scores, is_normal=True),
    Comparison("ngram_train", "n-gram training", "lmplz", same_model, is_normal=True),
    Comparison("tokenise", "tokenising", "tokenizers", same_ids),
    Comparison("whole_way", "the whole way", "datatrove", kept_and_tokens),
)
NAMES = tuple(comparison.name for comparison in COMPARISONS)
SLOW = "datatrove"
SCALED = ("near_dedup", "cleaners", "ngram_score", "tokenise", "whole_way")
"""Of `--scale`, unless `--only` names others."""


def compare(bench: Bench, chosen: Sequence[Comparison], sizes: Mapping[str, Text]) -> None:
    """Print a row for each comparison."""
    row(*HEADS)
    row("---", "---", *["---:"] * 8, "---")
    for comparison in chosen:
        text = sizes["slow" if comparison.peer == SLOW else "fast"]
        ours = bench.ours(comparison.name, text, sizes["warm"], repeats=3)
        peer = bench.peers(
            comparison.name, comparison.peer, text, sizes["warm"], is_normal=comparison.is_normal
        )
        cells = [comparison.what, comparison.peer, f"{text.megabytes:.1f}", speed(text, ours)]
        if peer is None:
            cells += ["not here", "", seconds(ours), "", memory(ours), "", ""]
        else:
            cells += [speed(text, peer), f"{peer['cpu'] / ours['cpu']:.1f}"]
            cells += [seconds(ours), seconds(peer), memory(ours), memory(peer)]
            cells += [comparison.outcome(ours["facts"], peer["facts"])]
        row(*cells)


def scale(bench: Bench, names: Sequence[str], text: Text, warm: Text, sizes: list[float]) -> None:
    """Print a row for each of our stages: seconds and memory at each size, and the exponent."""
    heads = [f"{size:g} GB: CPU s, peak MB (own)" for size in sizes]
    row("what", *heads, "MB/s at the last", "exponent")
    row("---", *["---:"] * (len(sizes) + 2))
    what = {comparison.name: comparison.what for comparison in COMPARISONS}
    for name in names:
        cells, points = [what[name]], []
        for size in sizes:
            part = beginning(text, size * 1000)
            if name == "ngram_train":
                bench.prepare(part, warm, with_model=False)
            done = bench.ours(name, part, warm, repeats=1)
            shutil.rmtree(done["out"])
            points.append((part.megabytes, done["cpu"]))
            cells.append(f"{done['cpu']:.1f}, {done['peak_mb']:.0f} ({done['anonymous_mb']:.0f})")
        cells += [f"{points[-1][0] / points[-1][1]:.1f}", f"{exponent(points):.2f}"]
        row(*cells)


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of log seconds over log size, by least squares."""
    if len({size for size, _ in points}) < 2:
        return float("nan")
    return linear_regression([log(x) for x, _ in points], [log(y) for _, y in points]).slope


def speed(text: Text, side: Mapping[str, Any]) -> str:
    """Return MB of text a second of processor time, which is that of one core."""
    value = text.megabytes / side["cpu"]
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def seconds(side: Mapping[str, Any]) -> str:
    """Return the seconds that a side took."""
    return f"{side['cpu']:.2f} ({side['wall']:.2f})"


def memory(side: Mapping[str, Any]) -> str:
    """Return the most memory of a side, and how much of it there was when the clock began."""
    return f"{side['peak_mb']:.0f} ({side['start_mb']:.0f})"


def row(*cells: str) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def facts(bench: Bench, arguments: argparse.Namespace, load: tuple[float, ...]) -> None:
    """Print what the numbers depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ours, peers = (
        ", ".join(f"{name} {found}" for name, found in sorted(versions.items()))
        for versions in bench.versions.values()
    )
    loads = [", ".join(f"{value:.2f}" for value in each) for each in (load, os.getloadavg())]
    names = ", ".join(file.name.partition(".")[0] for file in arguments.files or shipped())
    print(f"\n- command: `{command(arguments)}`")
    print(f"- text: {names}")
    print(f"- machine: {processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {sys.platform}")
    print(f"- Python {sys.version.split()[0]}; {ours}; peers: {peers or 'none'}")
    print(f"- load average (1, 5, 15 minutes) before: {loads[0]}; after: {loads[1]}", flush=True)


def command(arguments: argparse.Namespace) -> str:
    """Return the command of this run, without the paths of this machine."""
    words = ["python", "benchmarks/corpus.py", *(["FILE ..."] if arguments.files else [])]
    if arguments.scale is not None:
        words += ["--scale FOLDER --sizes", *(f"{size:g}" for size in arguments.sizes)]
    else:
        words += [f"--mb {arguments.mb:g} --datatrove-mb {arguments.datatrove_mb:g}"]
    words += ["--peer-python PYTHON"] if arguments.peer_python else []
    words += ["--tokenizer FOLDER"] if arguments.tokenizer else []
    return " ".join([*words, *(["--only", *arguments.only] if arguments.only else [])])


def main() -> None:
    """Read the command line, and print."""
    arguments = parse()
    files = arguments.files or shipped()
    load = os.getloadavg()
    tokenizer = arguments.tokenizer or shipped()[0].parent / "base"
    if arguments.scale is not None:
        arguments.scale.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.scale, prefix="gapless-bench-") as folder:
        scratch = Path(folder)
        bench = Bench(
            scratch, core=arguments.core, peer_python=arguments.peer_python, tokenizer=tokenizer
        )
        warm_mb = SCALE_WARM_MB if arguments.scale else WARM_MB
        warm = write(texts(files), scratch / "warm", warm_mb)
        if arguments.scale is None:
            fast = write(texts(files), scratch / "fast", arguments.mb)
            slow = write(texts(files), scratch / "slow", arguments.datatrove_mb)
            chosen = [each for each in COMPARISONS if each.name in (arguments.only or NAMES)]
            if any(each.is_normal for each in chosen):
                bench.prepare(fast, warm, with_model=True)
            compare(bench, chosen, {"fast": fast, "slow": slow, "warm": warm})
        else:
            names = [name for name in NAMES if name in (arguments.only or SCALED)]
            text = write(perturbed(files), scratch / "text", max(arguments.sizes) * 1000)
            if "ngram_score" in names:
                bench.prepare(beginning(text, 50), warm, with_model=True)
            scale(bench, names, text, warm, sorted(arguments.sizes))
    facts(bench, arguments, load)


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", type=Path, nargs="*", help="JSON Lines with text, perhaps packed")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--mb", type=float, default=100, help="text beside quick peers (100)")
    parser.add_argument("--datatrove-mb", type=float, default=10, help="text beside datatrove (10)")
    parser.add_argument("--peer-python", help="a Python that has datatrove and rensa")
    parser.add_argument("--tokenizer", type=Path, help="a folder; the shipped one when left out")
    parser.add_argument("--core", type=int, default=last_core(), help="the core both run on")
    parser.add_argument("--scale", type=Path, metavar="FOLDER", help="where there is room")
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 1, 5], help="GB (0.1 1 5)")
    return parser.parse_args()


def last_core() -> int:
    """Return the last core that this process may use."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


if __name__ == "__main__":
    main()
