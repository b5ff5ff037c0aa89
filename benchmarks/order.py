"""Our order at 1e13 tokens, our loader beside its peers, and its part of a training step.

    python benchmarks/order.py [scale] [loader] [step] --scratch FOLDER [--peer-python PATH]

scale   an order of a thousand million documents from made-up tables, without text: seconds and
        memory to build it, seconds to a row at a random place (`order_scale.py`; needs 40 GB)
loader  rows a second on the same tokens and one core each: ours (`order_ours.py`) by this Python,
        the peers (`order_peers.py`) by the one that --peer-python names
step    how much of a training step of the demo's model goes into loading its rows

All three run when none is named. Printed are Markdown tables, and what they depend on. FOLDER must
have room; what is written there is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gapless.seeds import stream
from gapless.workflow.machine import processor

HERE = Path(__file__).parent
PARTS = ("scale", "loader", "step")
OURS, FLOOR = "gapless", "memmap"
"""The floor is no library: NumPy over rows that are packed already. No ratio is claimed to it."""
Facts = Mapping[str, Any]


def lines(python: str, script: str, *words: object) -> list[dict[str, Any]]:
    """Run a script and return its lines; what it says besides goes to the terminal."""
    command = [python, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode and not found:
        raise SystemExit(f"{script} ended with status {done.returncode}")
    return found


# Scale


def scale(options: argparse.Namespace, folder: Path) -> None:
    """Print what it takes to build an order, and to read rows at random places."""

    def job(name: str, where: Path, *words: object) -> dict[str, Any]:
        context = ("--context", options.scale_context)
        (facts,) = lines(sys.executable, "order_scale.py", name, where, *context, *words)
        return facts

    large, small = folder / "large", folder / "small"
    large.mkdir()
    small.mkdir()
    job("generate", large, "--documents", options.documents)
    built = job("build", large)
    rows = ("--rows", options.seeks)
    seeks = {"cold": job("open", large, *rows, "--cold"), "warm": job("open", large, *rows)}
    if len({each["sha256"] for each in seeks.values()}) != 1:
        raise SystemExit("two openings of the same order read different rows")
    job("generate", small, "--documents", options.small_documents)
    by_score, fitted = job("curriculum", small, *rows), job("best_fit", small, *rows)
    show_building(built)
    show_seeks(seeks | {f"warm, by score, {short(by_score['documents'])}": by_score["seek"]})
    show_small(by_score, fitted, options.documents)


def show_building(built: Facts) -> None:
    """Print the building of the large order."""
    row("documents", "tokens", "rows", "s", "CPU s", "own MB (before)", "table, GB")
    row(*["---:"] * 7)
    row(
        short(built["documents"]),
        f"{built['tokens']:.4g}",
        short(built["rows"]),
        f"{built['seconds']:.0f}",
        f"{built['cpu']:.0f}",
        own(built),
        f"{built['bytes'] / 1e9:.1f}",
    )


def show_seeks(seeks: Mapping[str, Facts]) -> None:
    """Print the times to rows at random places."""
    heads = ("imports", "loops", "opening", "first row", "median", "worst")
    print()
    row("files", *(f"{head}, s" for head in heads), "rows", "own MB", "read for the first, MB")
    row("---", *["---:"] * 9)
    for name, facts in seeks.items():
        keys = ("imports", "loops", "opening", "first_row", "median", "worst")
        cells = [f"{facts[f'{key}_seconds']:.3f}" for key in keys]
        cells += [str(facts["rows"]), f"{facts['own_mb']:.0f}", f"{facts['first_row_read_mb']:.0f}"]
        row(name, *cells)


def show_small(by_score: Facts, fitted: Facts, documents: int) -> None:
    """Print what was measured on fewer documents, and what that makes of many."""
    times = documents / by_score["documents"]
    print()
    row("order", "documents", "s", "own MB (before)", "bytes a document", "s, times", "GB, times")
    row("---", *["---:"] * 6)
    own_gb = by_score["bytes_per_document"] * documents / 1e9
    cells = [f"{by_score['seconds']:.1f}", own(by_score), f"{by_score['bytes_per_document']:.1f}"]
    cells += [f"{by_score['seconds'] * times:.0f}", f"{own_gb:.1f}"]
    row("by score", short(by_score["documents"]), *cells)
    cells = [f"{fitted['seconds']:.1f}", own(fitted), "0", f"{fitted['seconds'] * times:.0f}", "0"]
    row("best fit", short(fitted["documents"]), *cells)
    print(
        f'\n"times" is {times:g} times what was measured, not measured. Best fit pads '
        f"{fitted['padding']:.2%}; a row at a random place takes {fitted['median_seconds']:.3f} s, "
        f"at worst {fitted['worst_seconds']:.3f} s."
    )


def own(facts: Facts) -> str:
    """Return the most memory that is no file's, and what of it was there before."""
    return f"{facts['own_mb']:.0f} ({facts['own_mb_before']:.0f})"


def short(number: float) -> str:
    """Return a count in few characters."""
    return f"{number:.3g}".replace("e+0", "e").replace("e+", "e")


# The loader


def loader(options: argparse.Namespace, folder: Path) -> None:
    """Print the rows a second of each way to read the same tokens."""
    tokens = folder / "tokens.bin"
    draw = stream(0, "benchmark", "tokens")
    draw.integers(1 << 12, size=options.tokens, dtype=np.uint16).tofile(tokens)
    for context in options.contexts:
        words = ["--tokens", tokens, "--context", context, "--rows", options.rows]
        words += ["--core", options.core, "--scratch", folder / "formats"]
        (folder / "formats").mkdir(exist_ok=True)
        found = lines(sys.executable, "order_ours.py", "loader", *words)
        if options.peer_python:
            found += lines(options.peer_python, "order_peers.py", *words)
        print(f"\nContext {context}\n")
        show_ways(found)


def show_ways(found: Sequence[Facts]) -> None:
    """Print a row for each way, and the ratio of ours in sequence to the fastest peer."""
    ways: dict[tuple[str, str], dict[str, Facts]] = {}
    for line in found:
        if line["metric"] == "missing":
            print(f"{line['peer']} is missing: {line['why']}")
        elif line.get("way"):
            ways.setdefault((line["peer"], line["way"]), {})[line["metric"]] = line
    heads = ("rows/s", "rows a CPU s", "tokens a CPU s", "ours to it", "resume, s", "spread")
    row("loader", "way", *heads, "right")
    row("---", "---", *["---:"] * len(heads), "---")
    ours = next(way for (peer, _), way in ways.items() if peer == OURS)
    speeds = {key: way["rows_per_second"] for key, way in ways.items() if "rows_per_second" in way}
    for (peer, name), way in ways.items():
        if "rows_per_second" not in way:
            row(peer, name, "failed", *[""] * (len(heads) - 1), str(way["failed"]["why"]))
            continue
        speed, delivers = way["rows_per_second"], way["delivers"]
        ratio = ours["rows_per_second"]["per_cpu_second"] / speed["per_cpu_second"]
        row(
            f"{peer} {speed['version']}" if peer != FLOOR else "NumPy",
            name,
            f"{speed['value']:,.0f}",
            f"{speed['per_cpu_second']:,.0f}",
            f"{speed['per_cpu_second'] * speed['context'] / 1e6:.1f} M",
            f"{ratio:.2f}",
            f"{way['resume_seconds']['value']:.3f}" if "resume_seconds" in way else "",
            f"{delivers['spread']:.2f}",
            "yes" if all(line.get("is_right", True) for line in way.values()) else "NO",
        )
    theirs = {key: each for key, each in speeds.items() if key[0] not in (OURS, FLOOR)}
    if theirs:
        peer, name = max(theirs, key=lambda key: theirs[key]["per_cpu_second"])
        best = theirs[peer, name]["per_cpu_second"]
        ratio = ours["rows_per_second"]["per_cpu_second"] / best
        print(f"\nOurs in sequence to the fastest peer ({peer}, {name}): {ratio:.2f}")


# The step


def step(_: argparse.Namespace, folder: Path) -> None:
    """Print the share of loading in a training step."""
    (facts,) = lines(sys.executable, "order_ours.py", "step", "--scratch", folder)
    row("model", "tokens a step", "loading, ms", "alone, ms", "training, ms", "share of loading")
    row("---", *["---:"] * 5)
    row(
        f"{facts['parameters'] / 1e6:.1f}M parameters, {facts['compute']}",
        f"{facts['batch_tokens']:,}",
        *(
            f"{facts[f'{key}_seconds'] * 1000:.3f}"
            for key in ("loading", "loading_alone", "training")
        ),
        f"{facts['share']:.3%}",
    )
    print(f"\ntorch {facts['torch']}, {facts['threads']} threads, context {facts['context']}")


# All of it


def row(*cells: str) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def facts(options: argparse.Namespace, load: tuple[float, ...]) -> None:
    """Print what the numbers depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    loads = [", ".join(f"{value:.2f}" for value in each) for each in (load, os.getloadavg())]
    words = [*options.parts, "--scratch FOLDER"]
    words += ["--peer-python PYTHON"] if options.peer_python else []
    if "scale" in options.parts:
        words += [f"--documents {options.documents:g} --seeks {options.seeks}"]
    if "loader" in options.parts:
        words += [f"--tokens {options.tokens:g} --rows {options.rows}"]
    print(f"\n- command: `python benchmarks/order.py {' '.join(words)}`")
    print(f"- machine: {processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {sys.platform}")
    print(f"- Python {sys.version.split()[0]}; numpy {np.__version__}")
    print(f"- load average (1, 5, 15 minutes) before: {loads[0]}; after: {loads[1]}", flush=True)


def main() -> None:
    """Read the command line, and print."""
    options = parse()
    load = os.getloadavg()
    options.scratch.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        with tempfile.TemporaryDirectory(dir=options.scratch, prefix="gapless-bench-") as folder:
            print(f"\n## {part}\n")
            {"scale": scale, "loader": loader, "step": step}[part](options, Path(folder))
    facts(options, load)


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--scratch", type=Path, required=True, help="where there is room")
    whole = {"documents": 10**9, "small-documents": 3 * 10**7, "seeks": 100, "scale-context": 2048}
    helps = ("of the large order", "of those by score and best fit", "rows read", "ids in a row")
    for (name, value), text in zip(whole.items(), helps, strict=True):
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{text} ({value:g})")
    parser.add_argument("--tokens", type=float, default=50_000_000, help="of the loader's file")
    parser.add_argument("--rows", type=int, default=20_000, help="rows that are timed (20,000)")
    parser.add_argument("--contexts", type=int, nargs="+", default=[256, 2048])
    parser.add_argument("--peer-python", help="a Python that has the peers")
    parser.add_argument("--core", type=int, default=last_core(), help="the core that all run on")
    options = parser.parse_args()
    for name in (*(key.replace("-", "_") for key in whole), "tokens"):
        setattr(options, name, int(getattr(options, name)))
    options.parts = options.parts or list(PARTS)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    return options


def last_core() -> int:
    """Return the last core that this process may use."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


if __name__ == "__main__":
    main()
