"""Kill tiny runs at random moments and go on with the same command, as often as asked.

Every run that reaches its end so is compared, byte for byte, with one that was never killed: final
weights, checkpoints, items and journals of every arm. Exit status 1 where anything differs.
"""

import argparse
import itertools
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.workflow.kills import (
    VARIANTS,
    Moment,
    Variant,
    differences,
    killed,
    results,
    stands_at,
    start,
)

from gapless.seeds import stream


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    left = asked.kills
    wrong: list[str] = []
    print(f"{'kill':>4}  {'variant':<32}{'run':>3}  {'changes':>9}  was about")
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, variant) in enumerate(VARIANTS.items()):
            share = left // (len(VARIANTS) - number)
            left -= share
            place = Path(folder) / str(number)
            wrong += stress(name, variant, place, kills=share, seed=asked.seed)
    print(
        "\n".join(wrong) or f"all runs are as if they had never been killed ({asked.kills} kills)"
    )
    raise SystemExit(bool(wrong))


def stress(name: str, variant: Variant, place: Path, *, kills: int, seed: int) -> list[str]:
    """Kill runs of one kind so often; return what came out otherwise."""
    expected = never_killed(variant, place / "whole")
    draw = stream(seed, "kills", name)
    done, wrong = 0, []
    for run in itertools.count(1):
        recipe = variant.make(place / f"run-{run}")
        while done < kills:
            moment = Moment.drawn(draw)
            if not killed(recipe, variant.overrides, moment):
                break
            done += 1
            told = f"{run:>3}{moment.changes:>9}  {stands_at(recipe)}"
            print(f"{done:>4}  {name:<32}{told}", flush=True)
        finish(recipe, variant)
        different = differences(expected, results(recipe))
        wrong += [f"{name}, run {run}: {file} differs" for file in different]
        print(f"      {name:<32}{run:>3}           end: {len(different)} files differ", flush=True)
        if done == kills:
            break
    return wrong


def never_killed(variant: Variant, place: Path) -> dict[str, bytes]:
    """Return what a run leaves."""
    recipe = variant.make(place)
    finish(recipe, variant)
    return results(recipe)


def finish(recipe: Path, variant: Variant) -> None:
    """Run to the end."""
    process = start(recipe, variant.overrides)
    _, told = process.communicate()
    if process.returncode != 0:
        raise SystemExit(told)


if __name__ == "__main__":
    main()
