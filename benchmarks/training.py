"""Our training loop beside its peers: the same model, the same rows, the same settings.

    python benchmarks/training.py --device cpu  [--shape 1.6M 9M]      --scratch FOLDER
    python benchmarks/training.py --device cuda [--shape 135M 1.1B 8B] --scratch FOLDER

litgpt joins in with `--litgpt-python PATH`, the Python of an environment that has it.
Every way trains in a process of its own, turn by turn in several rounds, and the median counts. On
a CPU the rows are shipped text, on a GPU random ids. Printed are Markdown tables, and what they
depend on. See `training_ways.py` for what each way does.
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
from statistics import median
from typing import Any

import torch
import transformers
from training_task import SHAPES, Task, as_json

HERE = Path(__file__).parent
OURS, LITGPT, PEAK = "gapless", "litgpt", "matrix products"
WAYS = {
    "cpu": (
        OURS,
        "gapless, compiled",
        "Trainer",
        "Trainer, borders",
        "bare loop",
        "bare loop, borders",
        "bare loop, compiled",
        PEAK,
    ),
    "cuda": (
        OURS,
        "gapless, compiled",
        "Trainer",
        "Trainer, Liger",
        "bare loop, compiled",
        PEAK,
    ),
}
CARD_PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bf16 operations a second, by the makers' sheets."""
Facts = Mapping[str, Any]


def prepare(task: Task) -> None:
    """Write the store that ours reads, and the same rows for the others."""
    from training_text import write_random, write_rows, write_shipped

    store = task.folder / "store"
    if task.device == "cpu":
        write_shipped(store)
    else:
        write_random(store, task.size.vocabulary, (task.num_rows + 1) * task.size.context)
    write_rows(task.folder, task.size.context, task.num_rows)


def trained(task: Task, way: str, litgpt_python: str | None) -> Facts:
    """Train one way in its own process; return its facts, or why there are none."""
    script = [sys.executable, str(HERE / "training_ways.py")]
    if way == LITGPT:
        script = [str(litgpt_python), str(HERE / "training_litgpt.py")]
    command = [*script, way, as_json(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"way": way, "failed": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    found: Facts = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(task: Task, ways: Sequence[str], rounds: int, litgpt_python: str | None = None) -> None:
    """Train every way, turn by turn, and print the table."""
    prepare(task)
    found: dict[str, list[Facts]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            if not any("failed" in facts for facts in found[way]):
                found[way].append(trained(task, way, litgpt_python))
    kind = "bf16" if task.bf16 else "fp32"
    size = task.size
    print(
        f"\n{task.shape}: {size.rows * size.context:,} tokens a step in rows of "
        f"{size.context:,}, {kind}\n"
    )
    row("way", "tokens/s", "ours to it", "of the products", "peak MB", "first loss", "last loss")
    row("---", *["---:"] * 6)
    speeds = {way: speed(each) for way, each in found.items() if "failed" not in each[-1]}
    for way, each in found.items():
        if "failed" in each[-1]:
            row(way, "failed", *[""] * 4, str(each[-1]["failed"]))
            continue
        facts = each[-1]
        row(
            way,
            f"{speeds[way]:,.0f}",
            f"{speeds[OURS] / speeds[way]:.2f}" if OURS in speeds else "",
            f"{speeds[way] / speeds[PEAK]:.1%}" if PEAK in speeds else "",
            f"{median(facts['peak_mb'] for facts in each):,.0f}",
            *(f"{facts[key]:.4f}" if way != PEAK else "" for key in ("first_loss", "last_loss")),
        )
    if task.device == "cuda":
        utilisation(speeds, size.flops_a_token)


def speed(each: Sequence[Facts]) -> float:
    """Return the median round's tokens a second."""
    return float(median(facts["tokens_per_second"] for facts in each))


def utilisation(speeds: Mapping[str, float], flops: float) -> None:
    """Print the share of what the card's maker says it can do."""
    name = torch.cuda.get_device_name()
    peak = next((value for key, value in CARD_PEAKS.items() if key in name), None)
    if peak is not None and OURS in speeds:
        print(f"\nModel FLOPs utilisation of ours: {speeds[OURS] * flops / peak:.1%} of {name}")


def row(*cells: str) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Read the command line, and print."""
    options = parse()
    load = os.getloadavg()
    options.scratch.mkdir(parents=True, exist_ok=True)
    for shape in options.shape or SHAPES[options.device]:
        with tempfile.TemporaryDirectory(dir=options.scratch, prefix="gapless-bench-") as folder:
            task = Task(
                OURS,
                options.device,
                shape,
                options.precision == "bf16",
                Path(folder),
                options.warm,
                options.steps,
                options.rows,
            )
            compare(task, ways_of(options), options.rounds, options.litgpt_python)
    facts(options, load)


def ways_of(options: argparse.Namespace) -> list[str]:
    """Return the ways that the command line asks for, and litgpt where there is one."""
    ways = list(options.way or WAYS[options.device])
    if options.litgpt_python and not options.way:
        ways.insert(-1, LITGPT)
    return ways


def facts(options: argparse.Namespace, load: tuple[float, ...]) -> None:
    """Print what the numbers depend on."""
    from gapless.workflow.machine import processor

    loads = [", ".join(f"{value:.2f}" for value in each) for each in (load, os.getloadavg())]
    words = f"--device {options.device} --precision {options.precision} --steps {options.steps}"
    words += f" --warm {options.warm} --rounds {options.rounds} --scratch FOLDER"
    words += " --litgpt-python PYTHON" if options.litgpt_python else ""
    print(f"\n- command: `python benchmarks/training.py {words}`")
    card = f", {torch.cuda.get_device_name()}" if options.device == "cuda" else ""
    print(f"- machine: {processor()}, {os.cpu_count()} cores{card}; {sys.platform}")
    print(
        f"- torch {torch.__version__}, transformers {transformers.__version__}, "
        f"{torch.get_num_threads()} threads"
    )
    print(f"- load average (1, 5, 15 minutes) before: {loads[0]}; after: {loads[1]}", flush=True)


def parse() -> argparse.Namespace:
    """Return the arguments of the command line."""
    from gapless.training.compute import Compute

    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", choices=SHAPES, required=True)
    parser.add_argument("--shape", nargs="+", help="all of the device's when left out")
    parser.add_argument("--way", nargs="+", help="all of the device's when left out")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="what the machine is fast in")
    parser.add_argument("--steps", type=int, default=20, help="that are timed (20)")
    parser.add_argument("--warm", type=int, default=5, help="steps before them (5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs (3)")
    parser.add_argument("--litgpt-python", help="of an environment that has litgpt")
    parser.add_argument("--rows", type=int, help="of a step, other than the shape's")
    parser.add_argument("--scratch", type=Path, required=True, help="where there is room")
    options = parser.parse_args()
    if options.precision is None:
        options.precision = "bf16" if Compute.choose(options.device).bf16 else "fp32"
    return options


if __name__ == "__main__":
    main()
