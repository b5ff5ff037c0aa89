"""Tasks of a local folder: a short YAML and JSON Lines, measured like any other probe.

    task.yaml, items.jsonl --read_task--> a probe: prompts, ready to read, with what is right
    the probe, a model ------ask_task---> values of each metric, item by item

`description.py` knows what ``task.yaml`` may say, `rows.py` and `prompts.py` how a row becomes a
prompt, `normal.py` when two texts say the same, `metrics.py` what answers are worth. Nothing here
runs a template language: a field's words are put where its name stands, and mean nothing else.

To add a kind: its row in `asking._KINDS`, its metrics in `description.py`, one test.
"""

from gapless.evaluation.tasks.asking import ask_task
from gapless.evaluation.tasks.reading import read_task

__all__ = ["ask_task", "read_task"]
