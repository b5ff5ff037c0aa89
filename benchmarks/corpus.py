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
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

from corpus_text import Text, beginning, perturbed, shipped, texts, write

from gapless.workflow.machine import processor

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
OUR_PACKAGES = ("duckdb", "gapless", "gigatoken", "kenlm-ex", "numba", "numpy", "orjson", "pyarrow")
PEER_PACKAGES = ("datatrove", "kenlm-ex", "orjson", "rensa", "spacy", "tokenizers")
ORDER, PRUNE, MEMORY_BYTES, MODEL_BYTES = 5, (0, 0, 1), 1 << 30, 20_000_000
WARM_MB = 0.2
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
SCALED = tuple(name for name in NAMES if name != "near_copies")


class Bench:
    """Runs sides in processes of their own."""

    def __init__(
        self, scratch: Path, *, core: int, peer_python: str | None, tokenizer: Path
    ) -> None:
        self._scratch = scratch
        self._core = core
        self._peer_python = peer_python
        self._numbers = count()
        named = json.loads((tokenizer / "tokenizer_config.json").read_text())
        end = named["eos_token"]
        self._settings: dict[str, Any] = {
            "tokenizer": str(tokenizer),
            "prefix": named.get("bos_token") or end,
            "end": end,
            "order": ORDER,
            "prune": [*PRUNE, *[PRUNE[-1]] * (ORDER - len(PRUNE))],
            "memory_bytes": MEMORY_BYTES,
        }
        self.versions: dict[str, dict[str, str]] = {"corpus_ours": {}, "corpus_peers": {}}
        """Module to the packages that its sides have found."""

    def python_of(self, peer: str) -> str | None:
        """Return the Python that runs a peer, or None where the peer is not here."""
        if peer == "lmplz":
            return sys.executable if shutil.which("lmplz") else None
        if peer != "datatrove" and find_spec(peer):
            return sys.executable
        if self._peer_python is None:
            return None
        asked = [self._peer_python, "-c", f"import {peer}"]
        is_there = subprocess.run(asked, capture_output=True, check=False).returncode == 0
        return self._peer_python if is_there else None

    def prepare(self, text: Text, warm: Text, *, with_model: bool) -> None:
        """Make the normalised text and the model, which no side's time includes."""
        self.normal = [self._normal(part.files) for part in (text, warm)]
        if with_model:
            self._settings["model_bytes"] = min(MODEL_BYTES, round(text.megabytes * 1e6 / 5))
            done = self._side(sys.executable, "corpus_ours", "ngram_model", [self.normal[0]], [])
            self._settings["model"] = done["out"]

    def _normal(self, files: Sequence[Path]) -> Path:
        done = self._side(sys.executable, "corpus_ours", "normal_text", files, [])
        return Path(done["out"]) / "normal.txt"

    def ours(self, name: str, text: Text, warm: Text, *, repeats: int) -> dict[str, Any]:
        """Run our side."""
        files: Sequence[Path] = text.files
        warm_files: Sequence[Path] = warm.files
        if name == "ngram_train":
            files, warm_files = [self.normal[0]], [self.normal[1]]
        return self._side(sys.executable, "corpus_ours", name, files, warm_files, repeats=repeats)

    def peers(self, comparison: Comparison, text: Text, warm: Text) -> dict[str, Any] | None:
        """Run the peer's side; None where the peer is not here."""
        python = self.python_of(comparison.peer)
        if python is None:
            return None
        files: Sequence[Path] = text.files
        warm_files: Sequence[Path] = warm.files
        if comparison.is_normal:
            files, warm_files = [self.normal[0]], [self.normal[1]]
        return self._side(python, "corpus_peers", comparison.name, files, warm_files, repeats=3)

    def _side(
        self,
        python: str,
        module: str,
        side: str,
        files: Sequence[Path],
        warm: Sequence[Path],
        *,
        repeats: int = 1,
    ) -> dict[str, Any]:
        folder = self._scratch / f"{next(self._numbers):02d}-{module}-{side}"
        folder.mkdir()
        job = {
            "module": module,
            "side": side,
            "files": [str(file) for file in files],
            "warm": [str(file) for file in warm],
            "out": str(folder / "out"),
            "answer": str(folder / "answer.json"),
            "core": self._core,
            "repeats": repeats,
            "packages": OUR_PACKAGES if module == "corpus_ours" else PEER_PACKAGES,
            "settings": self._settings,
        }
        (folder / "job.json").write_text(json.dumps(job))
        anonymous_mb = 0.0
        with (folder / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                [python, str(HERE / "corpus_side.py"), str(folder / "job.json")],
                stdout=said,
                stderr=said,
                env=os.environ | ONE_THREAD | {"TOKENIZERS_PARALLELISM": "false"},
            )
            while process.poll() is None:
                anonymous_mb = max(anonymous_mb, own_memory_mb(process.pid))
                time.sleep(0.05)
        if process.returncode != 0:
            told = (folder / "said.txt").read_text(errors="replace")[-3000:]
            raise SystemExit(f"{module}.{side} ended with status {process.returncode}:\n{told}")
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
        self.versions[module] |= answer["versions"]
        return answer | {"out": job["out"], "anonymous_mb": anonymous_mb}


def own_memory_mb(pid: int) -> float:
    """Return how much memory a process has that is no file's, in MB; 0 where nobody says."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    rows = [line.split() for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(rows[0][1]) * 1024 / 1e6 if rows else 0.0


def compare(bench: Bench, chosen: Sequence[Comparison], sizes: Mapping[str, Text]) -> None:
    """Print a row for each comparison."""
    row(*HEADS)
    row("---", "---", *["---:"] * 8, "---")
    for comparison in chosen:
        text = sizes["slow" if comparison.peer == SLOW else "fast"]
        ours = bench.ours(comparison.name, text, sizes["warm"], repeats=3)
        peer = bench.peers(comparison, text, sizes["warm"])
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
        warm = write(texts(files), scratch / "warm", WARM_MB)
        if arguments.scale is None:
            fast = write(texts(files), scratch / "fast", arguments.mb)
            slow = write(texts(files), scratch / "slow", arguments.datatrove_mb)
            chosen = [each for each in COMPARISONS if each.name in (arguments.only or NAMES)]
            if any(each.is_normal for each in chosen):
                bench.prepare(fast, warm, with_model=True)
            compare(bench, chosen, {"fast": fast, "slow": slow, "warm": warm})
        else:
            names = [name for name in SCALED if name in (arguments.only or SCALED)]
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
