"""Measure models on the suites, task by task, beside chance: the table of docs/tasks.md.

    python scripts/measure_suites.py base                       the shipped base, all items
    python scripts/measure_suites.py smollm2-135m --limit 64    the first 64 items of each task
    python scripts/measure_suites.py base --suites medical general

What the choices of an item have in common is read once: on a CPU that is most of the time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gapless import assets
from gapless.evaluation import Scorer, TokenSequence, measure, read_task
from gapless.modeling import load_model

SUITES = [a.name.removeprefix("suite-") for a in assets.known() if a.kind == "suite"]
SHOWN = ("accuracy", "accuracy_per_byte", "exact_match", "gold_bits_per_byte")


class SharedPrompts(Scorer):
    """A `Scorer` that reads a prompt once for the neighbours that begin with it."""

    def nats(self, sequences: Sequence[TokenSequence]) -> np.ndarray:
        """Return the nats of each sequence's counted tokens, none longer than the context."""
        import torch

        totals: list[float] = []
        with torch.no_grad():
            for group in _groups(sequences):
                totals += self._group_nats(group)
        return np.array(totals)

    def _group_nats(self, group: Sequence[TokenSequence]) -> list[float]:
        import torch

        shared = min(each.start for each in group) - 1  # the token before the first counted one
        rests = [list(each.ids[shared:]) for each in group]
        longest = max(map(len, rests))
        padded = torch.tensor([rest + [0] * (longest - len(rest)) for rest in rests])
        cache: Any = None
        if shared:
            prompt = torch.tensor([list(group[0].ids[:shared])])
            cache = self._model(prompt, use_cache=True, logits_to_keep=1).past_key_values
            cache.batch_repeat_interleave(len(group))
        logits = self._model(padded, past_key_values=cache, use_cache=True).logits
        nats = -logits[:, :-1].float().log_softmax(-1).gather(2, padded[:, 1:, None])[..., 0]
        return [
            float(nats[row, each.start - shared - 1 : len(rests[row]) - 1].double().sum())
            for row, each in enumerate(group)
        ]


def _groups(sequences: Sequence[TokenSequence]) -> Iterator[list[TokenSequence]]:
    """Give neighbours together that are alike before the tokens that count."""
    group: list[TokenSequence] = []
    for each in sequences:
        if group and list(each.ids[: each.start]) != list(group[0].ids[: group[0].start]):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def chance(probe: Any) -> str:
    """Return the share of right answers that guessing gives, where there is one."""
    counts = [len(item.choices) for item in probe.task_items]
    return f"{np.mean([1 / count for count in counts]):.2f}" if all(counts) else "-"


def main() -> None:
    """Print one row per task."""
    import torch
    from transformers import AutoTokenizer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an asset's name, or a folder")
    parser.add_argument("--limit", type=int, help="items of each task")
    parser.add_argument("--suites", nargs="+", default=SUITES, choices=SUITES)
    parser.add_argument("--tasks", nargs="+", help="only these")
    asked = parser.parse_args()
    folder = Path(asked.model) if Path(asked.model).is_dir() else assets.locate(asked.model)
    if folder is None:
        parser.error(f"gapless assets fetch {asked.model}")
    torch.set_num_threads(1)
    model = load_model(folder).eval()
    scorer = SharedPrompts(model, AutoTokenizer.from_pretrained(folder), context=1024)
    print("| suite | task | items | chance | " + " | ".join(SHOWN) + " | CPU seconds |")
    for suite in asked.suites:
        place = assets.locate(f"suite-{suite}")
        if place is None:
            parser.error(f"gapless assets fetch suite-{suite}")
        for path in sorted(p for p in place.iterdir() if p.is_dir()):
            if asked.tasks and path.name not in asked.tasks:
                continue
            probe = read_task(path, seed=1, limit=asked.limit)
            begin = time.process_time()
            rows, _ = measure(scorer, [probe], arm="-", tokens_seen=0)
            spent = time.process_time() - begin
            by = {r.metric: f"{r.value:.3f} +- {r.standard_error:.3f}" for r in rows}
            cells = [by.get(metric, "-") for metric in SHOWN]
            line = [suite, path.name, str(len(probe.items)), chance(probe), *cells, f"{spent:.0f}"]
            print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    main()
