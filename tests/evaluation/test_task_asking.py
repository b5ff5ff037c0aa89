"""Tasks asked of a tiny model: each value against the slow way."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gapless.errors import DataError
from gapless.evaluation.generation import Generator
from gapless.evaluation.items import ProbeItems, Question
from gapless.evaluation.likelihood import Scorer
from gapless.evaluation.multiple_choice import multiple_choice
from gapless.evaluation.suite import HIGHER_IS_BETTER, measure
from gapless.evaluation.task_items import TaskItem, TaskSettings
from gapless.evaluation.tasks.description import _OF_KIND
from gapless.sandbox import Sandbox, SandboxError, Verdict

PROMPTS = ("the cell", "la paroi", "the wall of the", "la cellule ")


def probe(kind, metrics, rows, **changes):
    """A task from (prompt, answers, choices) triples."""
    items = tuple(
        TaskItem(line=line, prompt=prompt, text=prompt, answers=answers, choices=choices)
        for line, (prompt, answers, choices) in enumerate(rows, start=1)
    )
    task = TaskSettings(kind=kind, metrics=metrics, file="items.jsonl", **changes)
    return ProbeItems(name="exam", role="domain", kind="task", items=items, task=task)


@pytest.fixture
def asked(model, tokenizer):
    def ask(*probes, context=64, sandbox=None):
        scorer = Scorer(model, tokenizer, context=context)
        generator = Generator(model, tokenizer, context=context)
        rows, items = measure(
            scorer, probes, arm="main", tokens_seen=0, generator=generator, sandbox=sandbox
        )
        assert [row.value for row in rows] == [
            items[f"{row.probe}/{row.metric}"].value for row in rows
        ]
        return {row.metric: row for row in rows}, {
            key.partition("/")[2]: values for key, values in items.items()
        }

    return ask


LABELS = ("holds", "divides", "tient")
CHOICE_ROWS = [(prompt, (LABELS[number % 3],), LABELS) for number, prompt in enumerate(PROMPTS * 3)]


def test_a_choice_task_is_the_same_questions_as_multiple_choice(asked, model, tokenizer):
    metrics = _OF_KIND["multiple_choice"]
    rows, items = asked(probe("multiple_choice", metrics, CHOICE_ROWS, labels=LABELS))
    questions = [
        Question(prompt, choices, choices.index(answers[0]))
        for prompt, answers, choices in CHOICE_ROWS
    ]
    expected = multiple_choice(Scorer(model, tokenizer, context=64), questions)
    assert list(rows) == list(metrics)
    for metric, values in expected.items():
        assert (items[metric].numerators == values.numerators).all()
        assert (items[metric].denominators == values.denominators).all()


def test_the_macro_f1_of_choices_is_of_the_likeliest_ones(asked):
    metrics = ("accuracy", "macro_f1")
    rows, items = asked(probe("multiple_choice", metrics, CHOICE_ROWS, labels=LABELS))
    chosen = []
    for prompt, _, choices in CHOICE_ROWS:
        each = [
            asked(probe("multiple_choice", ("accuracy",), [(prompt, (choice,), choices)]))[0]
            for choice in choices
        ]
        [place] = [i for i, found in enumerate(each) if found["accuracy"].value == 1]
        chosen.append(place)
    right = [LABELS.index(answers[0]) for _, answers, _ in CHOICE_ROWS]
    scores = []
    for label in range(3):
        both = sum(a == b == label for a, b in zip(right, chosen, strict=True))
        either = right.count(label) + chosen.count(label)
        if either:
            scores.append(2 * both / either)
    assert items["macro_f1"].numerators.shape == (12, 3)
    assert rows["macro_f1"].value == pytest.approx(np.mean(scores))
    assert rows["macro_f1"].num_items == 12
    assert 0 < rows["macro_f1"].value != rows["accuracy"].value  # guard


def test_shots_and_what_stands_before_an_answer_are_read(asked):
    row = ("la paroi", ("tient",), LABELS)
    plain = asked(probe("multiple_choice", ("gold_bits_per_byte",), [row]))
    shots = asked(
        probe("multiple_choice", ("gold_bits_per_byte",), [row], shots="x: ", before_answer="; ")
    )
    same = asked(probe("multiple_choice", ("gold_bits_per_byte",), [("x: la paroi;", *row[1:])]))
    key = "gold_bits_per_byte"
    assert shots[0][key].value != plain[0][key].value
    assert shots[0][key].value != same[0][key].value  # "; tient": the sign counts too
    closed = probe("multiple_choice", (key,), [("\u5317\u4eac", ("\u662f",), ("\u662f", "\u4e0d"))])
    joined = asked(replace(closed, task=replace(closed.task, before_answer="")))
    assert joined[1][key].denominators.tolist() == [3]
    assert joined[0][key].value != asked(closed)[0][key].value


def test_a_cloze_is_the_slow_loops_bits_and_what_greedy_writes(asked, slow_nats, model, tokenizer):
    scorer = Scorer(model, tokenizer, context=64)
    written = Generator(model, tokenizer, context=64).answers(
        ["the cell", "la paroi"], max_new_tokens=3, stop=()
    )
    rows = [
        ("the cell", (written[0],), ()),
        ("la paroi", (written[1] + "x",), ()),
        ("the wall", ("of the cell",), ()),
    ]
    found, items = asked(
        probe("cloze", ("gold_bits_per_byte", "exact_match"), rows, before_answer="")
    )
    expected = []
    for prompt, (answer,), _ in rows:
        [whole], [before] = scorer.encode([prompt + answer]), scorer.encode([prompt])
        expected.append(slow_nats([scorer.prefix_id, *whole], 1 + len(before)) / math.log(2))
    np.testing.assert_allclose(items["gold_bits_per_byte"].numerators, expected, rtol=1e-5)
    assert items["gold_bits_per_byte"].denominators.tolist() == [
        len(row[1][0].encode()) for row in rows
    ]
    assert items["exact_match"].numerators[1:].tolist() == [0, 0]
    assert found["exact_match"].num_items == 3


def test_what_is_written_is_judged(asked, model, tokenizer):
    written = Generator(model, tokenizer, context=64).answers(
        ["Q: the cell", "Q: la paroi"], max_new_tokens=4, stop=("\n",)
    )
    rows = [("the cell", ("nothing", written[0]), ()), ("la paroi", ("no such thing",), ())]
    settings = {"shots": "Q: ", "max_new_tokens": 4, "stop": ("\n",), "normalise": "none"}
    found, items = asked(probe("generation", ("rouge_l", "exact_match"), rows, **settings))
    assert items["exact_match"].numerators.tolist() == [1, 0]
    assert list(found) == ["rouge_l", "exact_match"]


class Writes:
    """Stands for a generator that has learnt its answers."""

    def __init__(self, *answers):
        self.texts = answers

    def answers(self, prompts, *, max_new_tokens, stop):
        assert max_new_tokens == 8
        assert len(prompts) == len(self.texts)
        return list(self.texts)


def judged(model, tokenizer, task, *answers, sandbox=None):
    scorer = Scorer(model, tokenizer, context=64)
    rows, _ = measure(
        scorer,
        [task],
        arm="main",
        tokens_seen=0,
        generator=Writes(*answers),
        sandbox=sandbox,
    )
    return {row.metric: row.value for row in rows}


def test_labels_that_are_written_become_f1(model, tokenizer):
    labels = {"labels": ("liver", "heart", "lung"), "max_new_tokens": 8}
    metrics = ("exact_match", "micro_f1", "macro_f1")
    rows = [("a", ("liver", "heart"), ()), ("b", ("heart",), ()), ("c", ("lung",), ())]
    several = probe("generation", metrics, rows, multi_label=True, **labels)
    values = judged(model, tokenizer, several, "Liver.", "heart, lung", "<script>")
    assert values["exact_match"] == 0
    assert values["micro_f1"] == pytest.approx(4 / 7)
    assert values["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    single = probe("generation", ("exact_match", "macro_f1"), rows[1:], **labels)
    values = judged(model, tokenizer, single, "the heart", "heart")
    assert values == {"exact_match": 0.5, "macro_f1": pytest.approx((2 / 3 + 0) / 2)}


class KeepsPrograms:
    """Stands for the sandbox: it keeps the programs and runs nothing."""

    def run_all(self, programs, *, workers):
        assert workers >= 1
        self.programs = programs
        kinds = ["passed" if "+" in program else "timed_out" for program in programs]
        return [Verdict(kind=kind, message="", seconds=0.1) for kind in kinds]


def test_programs_are_prompt_answer_and_tests_without_the_shots(model, tokenizer):
    task = probe(
        "code",
        ("pass_at_1",),
        [("def f(x):\n", ("    return x\n",), ())] * 2,
        shots="# nothing\n",
        max_new_tokens=8,
    )
    items = tuple(replace(item, tests="assert f(1) == 2") for item in task.items)
    sandbox = KeepsPrograms()
    task = replace(task, items=items)
    values = judged(model, tokenizer, task, "    return x + 1", "    return x", sandbox=sandbox)
    assert values == {"pass_at_1": 0.5}
    assert sandbox.programs[0] == "def f(x):\n    return x + 1\n\nassert f(1) == 2\n"


def test_programs_are_run_in_the_real_sandbox(model, tokenizer):
    try:
        sandbox = Sandbox.choose()
    except SandboxError as error:
        pytest.skip(str(error))
    row = ("def f(x):\n", ("    return x + 1\n",), ())
    task = probe("code", ("pass_at_1",), [row] * 4, max_new_tokens=8)
    tests = "def check(f):\n    assert f(1) == 2\ncheck(f)"
    task = replace(task, items=tuple(replace(item, tests=tests) for item in task.items))
    bodies = ["    return x + 1", "    return x", "    import sys\n    sys.exit(0)", "    )"]
    assert judged(model, tokenizer, task, *bodies, sandbox=sandbox) == {"pass_at_1": 0.25}


@pytest.mark.parametrize("kind", ["multiple_choice", "cloze", "generation"])
def test_what_is_longer_than_the_context_is_refused_with_its_line(asked, kind):
    metric = _OF_KIND[kind][0]
    rows = [("the cell", ("tient",), LABELS), ("the wall of the cell " * 9, ("tient",), LABELS)]
    task = probe(kind, (metric,), rows, max_new_tokens=4, stop=("\n",))
    with pytest.raises(DataError, match="the context is 16") as caught:
        asked(task, context=16)
    assert caught.value.where == "task exam, items.jsonl:2"
    asked(replace(task, items=task.items[:1]), context=16)  # guard


def test_every_metric_of_every_kind_has_a_direction():
    assert {metric for metrics in _OF_KIND.values() for metric in metrics} <= set(HIGHER_IS_BETTER)
