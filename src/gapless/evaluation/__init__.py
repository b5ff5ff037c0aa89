"""Evaluation: fixed measurements of a model, the base first. Probes ask a model, never the loop.

    held-out documents --build_bits_per_byte_items--> items --write_probe--> probes/<name>.jsonl
            "          --build_perplexity_items-----> items     (made once, before training)
    questions (a file) --read_questions-------------> items
    a task (a folder) ---read_task------------------> a probe: its items, and how they are asked

    probes, model --measure--> measurements + what each value is made of, item by item

`items.py` knows what a probe asks, `likelihood.py` what a model answers (nats of counted tokens),
`generation.py` what it writes, `bits_per_byte.py`, `perplexity.py`, `multiple_choice.py` and the
room `tasks` turn these into values, `cadence.py` says when to ask, `sizes.py` how much is read and
written for it. `samples.py` asks for text that people read. The room `harness` asks tasks of
lm-evaluation-harness.

To add a kind of probe: its items in `items.py`, one file that turns them and who is `Asked` into
`ItemValues`, one line in the tables of `suite.py`, one test.
"""

from gapless.evaluation.generation import Generator
from gapless.evaluation.held_out import build_bits_per_byte_items, build_perplexity_items
from gapless.evaluation.items import ProbeItems, Question, read_probe, read_probes, write_probe
from gapless.evaluation.likelihood import Scorer, TokenSequence
from gapless.evaluation.questions import read_questions
from gapless.evaluation.samples import sample_points, write_samples
from gapless.evaluation.sizes import asked_tokens
from gapless.evaluation.suite import measure
from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.evaluation.tasks import read_task

__all__ = [
    "Generator",
    "ProbeItems",
    "Question",
    "Scorer",
    "TaskItem",
    "TaskSettings",
    "TokenSequence",
    "asked_tokens",
    "build_bits_per_byte_items",
    "build_perplexity_items",
    "measure",
    "read_probe",
    "read_probes",
    "read_questions",
    "read_task",
    "sample_points",
    "write_probe",
    "write_samples",
]
