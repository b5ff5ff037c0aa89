"""The card's head, which the Hugging Face Hub reads: YAML."""

from typing import Any

import yaml

from gapless.report.cards.facts import CardFacts
from gapless.report.content import GapRow
from gapless.report.numbers import is_known

_TASK = {"type": "text-generation", "name": "Text generation"}


def front_matter(facts: CardFacts, rows: tuple[GapRow, ...]) -> list[str]:
    """Return the head of a model's card; what is not known is left out."""
    known: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["gapless", "continual-pretraining"],
    }
    if facts.base_model:
        known["base_model"] = facts.base_model
    if facts.languages:
        known["language"] = list(facts.languages)
    if facts.datasets:
        known["datasets"] = list(facts.datasets)
    results = [_result(row) for row in rows if is_known(row.final)]
    if results and not facts.average:
        known["model-index"] = [{"name": facts.name, "results": results}]
    text = yaml.safe_dump(known, sort_keys=False, allow_unicode=False, width=10_000)
    return ["---", *text.rstrip("\n").splitlines(), "---", ""]


def _result(row: GapRow) -> dict[str, Any]:
    mean = row.name == row.role
    name = f"mean over the {row.role} probes" if mean else f"{row.name} ({row.role})"
    return {
        "task": dict(_TASK),
        "dataset": {"type": row.name, "name": name},
        "metrics": [{"type": row.metric, "value": round(float(row.final), 6), "name": row.metric}],
    }
