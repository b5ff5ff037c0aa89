"""A run folder made by hand, as a run leaves it in the middle of its second arm."""

import json
import math
from pathlib import Path

import yaml

from gapless.records.artifact import ArtifactFolder, Manifest

BATCH, TOTAL = 4096, 200 * 4096
STAGES = (
    "documents.medicine",
    "documents.prose",
    "order.one_pass",
    "order.replay",
    "training.one_pass",
    "training.replay",
    "analysis",
)
RECIPE = {
    "name": "medical",
    "model": {"type": "pretrained", "path": "base"},
    "sources": {
        "medicine": {"role": "domain", "path": "medicine.jsonl"},
        "prose": {"role": "general", "path": "prose.jsonl"},
        "code": {"role": "general", "path": "code.jsonl"},
    },
    "order": {"context": 128, "phases": [{"tokens": TOTAL}]},
    "training": {"batch_tokens": BATCH},
    "arms": {"one_pass": {}, "replay": {}},
}


def place(run: Path, label: str) -> ArtifactFolder:
    return ArtifactFolder(run / "artifacts", label, f"{STAGES.index(label):064x}")


def commit(run: Path, label: str, **facts: object) -> None:
    folder = place(run, label)
    folder.partial_path.mkdir(parents=True, exist_ok=True)
    kind = label.partition(".")[0]
    manifest = Manifest(
        stage=kind, version=1, fingerprint=folder.fingerprint, inputs={}, facts=facts
    )
    folder.commit(manifest)


def append(path: Path, *rows: dict[str, object]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def train(run: Path, arm: str, *, steps: int, probe: str = "prose", hurt: float = 0.12) -> None:
    """Write what training leaves: a general metric that dips and comes back."""
    folder = place(run, f"training.{arm}").partial_path
    folder.mkdir(parents=True, exist_ok=True)
    probed = {0, 1, 2, 3, 5, 8, 12, 18, 26, *range(40, steps + 1, 20)}
    append(folder / "speed.jsonl", {"tokens_seen": 0, "matrix_flops_per_second": 1e11})
    for step in range(steps + 1):
        seen = step * BATCH
        if step:
            loss = 2.4 + 1.9 * math.exp(-step / 40) + 0.1 * math.sin(step * 2.4)
            row = {"step": step, "tokens_seen": seen, "phase": 0, "loss": loss}
            row |= {"learning_rate": 1e-3 * (1 - step / 220), "gradient_norm": 1.0}
            append(folder / "steps.jsonl", row | {"tokens": {"medicine": BATCH}, "padding": 0})
            append(folder / "speed.jsonl", {"tokens_seen": seen, "seconds": 0.5})
        if step in probed:
            dip = hurt * math.exp(-(((step - 9) / 9) ** 2)) - 0.0002 * step
            values = {
                ("medicine", "domain"): 2.6 - 0.5 * (1 - math.exp(-step / 50)),
                (probe, "general"): 1.75 + (dip if step else 0),
                ("code", "general"): 1.43 + (0.8 * dip if step else 0),
            }
            for (name, role), value in values.items():
                row = {"arm": arm, "tokens_seen": seen, "probe": name, "role": role}
                row |= {"metric": "bits_per_byte", "value": value, "higher_is_better": False}
                row |= {"num_items": 40, "standard_error": 0.04, "schema_version": 1}
                append(folder / "measurements.jsonl", row)
            if step:
                spent = {"tokens_seen": seen, "what": "measuring", "seconds": 1.0}
                append(folder / "speed.jsonl", spent | {"peak_memory_bytes": 10**9})


def make(run: Path) -> Path:
    """Two arms: one done, one under way with 120 of 200 steps."""
    (run / "artifacts").mkdir(parents=True)
    (run / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    tree = {
        label: {
            "kind": label.partition(".")[0],
            "subject": label.partition(".")[2],
            "fingerprint": place(run, label).fingerprint,
        }
        for label in STAGES
    }
    (run / "tree.json").write_text(json.dumps(tree))
    for label in STAGES[:2]:
        commit(run, label, documents=40)
    for label in STAGES[2:4]:
        commit(run, label, tokens=TOTAL)
    train(run, "one_pass", steps=200)
    commit(run, "training.one_pass", tokens=TOTAL)
    train(run, "replay", steps=120, hurt=0.04)
    return run
