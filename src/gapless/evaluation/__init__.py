"""Evaluation: fixed measurements of a model, the base first. Probes ask a model, never the loop.

    held-out documents --build_bits_per_byte_items--> items --write_probe--> probes/<name>.jsonl
            "          --build_perplexity_items-----> items     (made once, before training)
    questions (a file) --read_questions-------------> items

    probes, model --measure--> measurements + what each value is made of, item by item

`items.py` knows what a probe asks, `likelihood.py` what a model answers (nats of counted tokens),
`bits_per_byte.py`, `perplexity.py` and `multiple_choice.py` turn nats into values, `cadence.py`
says when to ask.

To add a kind of probe: its items in `items.py`, one file that turns them and a `Scorer` into
`ItemValues`, one line in the tables of `suite.py`, one test.
"""

from gapless.evaluation.cadence import probe_steps
from gapless.evaluation.held_out import build_bits_per_byte_items, build_perplexity_items
from gapless.evaluation.items import ProbeItems, Question, read_probe, read_probes, write_probe
from gapless.evaluation.likelihood import Scorer, TokenSequence
from gapless.evaluation.questions import read_questions
from gapless.evaluation.suite import measure

__all__ = [
    "ProbeItems",
    "Question",
    "Scorer",
    "TokenSequence",
    "build_bits_per_byte_items",
    "build_perplexity_items",
    "measure",
    "probe_steps",
    "read_probe",
    "read_probes",
    "read_questions",
    "write_probe",
]
