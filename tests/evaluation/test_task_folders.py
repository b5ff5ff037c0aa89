"""A task's folder: what becomes of it, and how every mistake in it is told."""

import json

import pytest

from gapless.errors import DataError
from gapless.evaluation.items import read_probe, read_probes, write_probe
from gapless.evaluation.tasks import read_task
from gapless.evaluation.tasks.prompts import fields_of, fill
from gapless.seeds import stream

CHOICE = """
name: drugs
role: domain
kind: multiple_choice
prompt: "Question: {question}\\nAnswer:"
choices: [yes, no, maybe]
"""
ROWS = [
    {"question": "Does it?", "answer": "yes"},
    {"question": "Is it {answer}?", "answer": 2},
]
WRITTEN = """
name: capitals
role: general
kind: generation
prompt: "{q}"
"""


@pytest.fixture
def write(tmp_path):
    def folder(yaml, rows, **others):
        (tmp_path / "task.yaml").write_text(yaml, encoding="utf-8")
        for name, own in {"items": rows, **others}.items():
            lines = [each if isinstance(each, str) else json.dumps(each) for each in own]
            (tmp_path / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        return tmp_path

    return folder


def read(folder, seed=0):
    return read_task(folder, seed=seed)


def refused(folder):
    with pytest.raises(DataError) as caught:
        read(folder)
    error = caught.value
    assert error.mend, error
    return error.where.removeprefix(f"{folder}/"), error.what


def test_a_rows_fields_stand_where_their_names_stood(write):
    probe = read(write(CHOICE, ROWS))
    assert (probe.name, probe.role, probe.kind) == ("drugs", "domain", "task")
    assert [item.prompt for item in probe.task_items] == [
        "Question: Does it?\nAnswer:",
        "Question: Is it {answer}?\nAnswer:",  # what a field says is no template
    ]
    assert [item.text for item in probe.task_items] == ["Does it?", "Is it {answer}?"]
    assert [item.answers for item in probe.task_items] == [("yes",), ("maybe",)]
    assert probe.task.labels == ("yes", "no", "maybe")
    assert probe.task.metrics == (
        "accuracy",
        "accuracy_per_byte",
        "gold_bits_per_byte",
        "macro_f1",
    )


def test_replacing_is_all_that_a_prompt_does():
    values = {"a": "{b} {{a}} \\1 {0.__class__}", "b": "B", "c.d": "CD"}
    template = "{a}|{b}|{c.d}|{{a}}|{ a }|{}|{'x': 1}|%s|$a|{0}|{a!r}|{a:>9}"
    assert fields_of(template) == ["a", "b", "c.d"]
    assert fill(template, values) == (
        "{b} {{a}} \\1 {0.__class__}|B|CD|{a}|{ a }|{}|{'x': 1}|%s|$a|{0}|{a!r}|{a:>9}"
    )


def test_what_is_kept_is_read_back_equal_and_known_by_its_content(write, tmp_path):
    probe = read(write(CHOICE, ROWS))
    kept = read_probe(write_probe(tmp_path / "probes", probe))
    assert kept == probe
    assert kept.fingerprint == probe.fingerprint
    assert read_probes(tmp_path / "probes") == [probe]
    again = read(write(CHOICE + "\n# a remark\nitems: items.jsonl", ROWS))
    assert again.fingerprint == probe.fingerprint
    others = [
        read(write(CHOICE, ROWS[::-1])),
        read(write(CHOICE.replace("Answer:", "Answer :"), ROWS)),
        read(write(CHOICE + "metrics: [accuracy]", ROWS)),
    ]
    assert probe.fingerprint not in {each.fingerprint for each in others}


def test_an_items_own_choices_get_letters_in_the_prompt(write):
    yaml = CHOICE.replace("[yes, no, maybe]", "options").replace("{question}", "{q}\\n{options}")
    rows = [
        {"q": "x", "options": ["one", "two"], "answer": 1},
        {"q": "x", "options": ["one", "two", "B"], "answer": "A"},
        {"q": "x", "options": ["one", "two", "B"], "answer": "B"},  # a choice's text goes first
        {"q": "x", "options": {"k": "one", "l": "two"}, "answer": "l"},
    ]
    items = read(write(yaml, rows)).task_items
    assert items[0].prompt == "Question: x\nA. one\nB. two\nAnswer:"
    assert items[0].text == "x\none\ntwo"
    assert [item.answers[0] for item in items] == ["two", "one", "B", "two"]
    assert read(write(yaml, rows)).task.labels == ()


def test_lists_and_deep_fields_and_numbers_can_stand_in_a_prompt(write):
    yaml = WRITTEN.replace("{q}", "{pages}|{meta.year}|{n}")
    rows = [{"pages": ["a", "b"], "meta": {"year": 1999}, "n": 0.5, "answer": 7}]
    [item] = read(write(yaml, rows)).task_items
    assert (item.prompt, item.answers) == ("a\nb|1999|0.5", ("7",))


EXAMPLES = [{"q": f"e{n}", "answer": [f"a{n}", "other"]} for n in range(5)]


def test_shots_are_the_first_examples_and_the_same_for_all(write):
    yaml = WRITTEN + "shots: 2\nexamples: dev.jsonl\n"
    probe = read(write(yaml, [{"q": "x", "answer": "y"}], dev=EXAMPLES))
    assert probe.task.shots == "e0 a0\n\ne1 a1\n\n"
    yaml += 'before_answer: ""\nseparator: "|"\n'
    probe = read(write(yaml, [{"q": "x", "answer": "y"}], dev=EXAMPLES))
    assert probe.task.shots == "e0a0|e1a1|"


def test_shots_can_be_drawn_once_by_the_seed(write):
    yaml = WRITTEN + 'shots: 3\nexamples: dev.jsonl\ndraw: random\nseparator: "|"\n'
    folder = write(yaml, [{"q": "x", "answer": "y"}], dev=EXAMPLES)
    for seed in (0, 1):
        order = stream(seed, "shots", "capitals").permutation(5)[:3]
        assert read(folder, seed).task.shots == "".join(f"e{n} a{n}|" for n in order)
    assert read(folder, 0).task.shots != read(folder, 1).task.shots  # guard


def test_a_shot_that_is_measured_is_refused(write):
    yaml = WRITTEN + "shots: 1\nexamples: dev.jsonl\n"
    folder = write(yaml, [{"q": "x", "answer": "y"}, {"q": "e0", "answer": "y"}], dev=EXAMPLES)
    assert refused(folder) == ("dev.jsonl:1", "the example is item 2 of items.jsonl too")


def test_several_labels_are_kept_in_the_tasks_own_spelling(write):
    yaml = WRITTEN + "labels: [Liver, heart]\nmulti_label: true\nshots: 1\nexamples: dev.jsonl"
    rows = [{"q": "x", "answer": ["heart.", "LIVER"]}, {"q": "y", "answer": "liver"}]
    probe = read(write(yaml, rows, dev=[{"q": "e", "answer": ["heart", "liver"]}]))
    assert [item.answers for item in probe.task_items] == [("heart", "Liver"), ("Liver",)]
    assert probe.task.shots == "e heart, Liver\n\n"
    assert probe.task.metrics == ("exact_match", "micro_f1", "macro_f1")


CODE = """
name: sums
role: general
kind: code
prompt: "{code}"
answer: solution
"""


def test_a_code_items_tests_call_its_entry_point(write):
    row = {"code": "def f():\n", "solution": "    return 1\n", "test": ["assert f() == 1", "pass"]}
    [item] = read(write(CODE, [row])).task_items
    assert item.tests == "assert f() == 1\npass"
    row |= {"test": "def check(c):\n    assert c() == 1\n", "name": "f"}
    probe = read(write(CODE + "entry_point: name", [row]))
    assert probe.task_items[0].tests.endswith("\ncheck(f)")
    assert (probe.task.max_new_tokens, probe.task.metrics) == (256, ("pass_at_1",))
    assert refused(write(CODE + "entry_point: name", [row | {"name": "f)#"}]))[1].startswith("name")
    assert refused(write(CODE, [row | {"test": " "}])) == (
        "items.jsonl:1",
        "test is empty: every program would pass",
    )


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (("kind: multiple_choice", "kind: exam"), "task.yaml:4: kind", "'exam' is not one of"),
        (("role: domain", ""), "task.yaml: role", "is missing"),
        (("name: drugs", "name: <b>"), "task.yaml:2: name", "'<b>' is not a name"),
        (("name: drugs", "nmae: drugs"), "task.yaml:2: nmae", "there is no such setting"),
        (("name: drugs", "name: drugs\nshots: true"), "task.yaml:3: shots", "must be a number"),
        (("choices: [yes, no, maybe]", ""), "task.yaml: choices", "is missing"),
        (("[yes, no, maybe]", "[yes, yes]"), "task.yaml:6: choices", "cannot be told apart"),
        (("[yes, no, maybe]", "[yes]"), "task.yaml:6: choices", "it holds 1"),
        (("{question}", "question"), "task.yaml:5: prompt", "no field of an item"),
        (("role: domain", "role: domain\nstop: [x]"), "task.yaml:4: stop", "has no stop"),
        (("role: domain", "role: domain\nmetrics: [rouge_l]"), "task.yaml:4: metrics", "not give"),
        (("role: domain", "items: ../x.jsonl\nrole: domain"), "task.yaml:3: items", "not in the"),
        (("role: domain", "items: /x.jsonl\nrole: domain"), "task.yaml:3: items", "not in the"),
        (("role: domain", "role: domain\nshots: 2"), "task.yaml:4: shots", "no file of examples"),
        (("role: domain", "role: domain\n  x: 1"), "task.yaml:4", "not YAML"),
        (("name: drugs", "name: !!python/name:os.system x"), "task.yaml:2", "the tag"),
    ],
)
def test_a_mistake_in_task_yaml_is_told_with_its_line(write, change, where, what):
    assert change[0] in CHOICE
    found = refused(write(CHOICE.replace(*change), ROWS))
    assert found[0] == where
    assert what in found[1]


@pytest.mark.parametrize(
    ("yaml", "what"),
    [
        ("labels: [A, the]", "'A' is nothing when normalised by 'squad'"),
        ("labels: [Yes, 'yes.']", "'Yes' and 'yes.' cannot be told apart"),
        ("multi_label: true", "there are no labels"),
        ("labels: [a b, 'x, y']\nmulti_label: true", "'x, y' holds ', '"),
        ("metrics: [macro_f1]", "macro_f1 needs classes"),
        ("labels: [x, y]\nmetrics: [micro_f1]", "micro-F1 is the share"),
        ("metrics: [exact_match, exact_match]", "stands twice"),
        ("examples: dev.jsonl", "there are examples and no shots"),
        ("shots: 1\nexamples: ./items.jsonl", "the examples are the items"),
        ("tests: x", "generation has no tests"),
    ],
)
def test_settings_that_make_no_task_together_are_refused(write, yaml, what):
    assert what in refused(write(WRITTEN + yaml, [{"q": "x", "answer": "y"}]))[1]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ('{"question": "x"', "the line is not JSON"),
        ("[" * 100_000, "the line is not JSON"),
        ('["x"]', "the line is not a JSON object"),
        ({"question": "x"}, "the field 'answer' is missing"),
        ({"qestion": "x", "answer": "yes"}, "the field 'question' is missing"),
        ({"question": None, "answer": "yes"}, "question is nothing, not a text"),
        ({"question": {"a": 1}, "answer": "yes"}, "question is {'a': 1}, not a text"),
        ('{"question": "\\ud800", "answer": "yes"}', "half a character"),
        ({"question": "x", "answer": "Yes"}, "answer is 'Yes', none of the choices"),
        ({"question": "x", "answer": 3}, "answer is 3, out of range"),
        ({"question": "x", "answer": True}, "answer is true"),
        ({"question": "x", "answer": ["yes"]}, "answer is ['yes']"),
    ],
)
def test_a_broken_row_is_told_with_its_line(write, row, what):
    where, found = refused(write(CHOICE, [ROWS[0], "", row]))
    assert where == "items.jsonl:3"
    assert what in found


@pytest.mark.parametrize(
    ("yaml", "answer", "what"),
    [
        ("", [], "answer is an empty list"),
        ("", " ", "the answer ' ' is empty"),
        ("", "The", "the answer 'The' is nothing when normalised by 'squad'"),
        ("normalise: words", ["x", "+"], "the answer '+' is nothing when normalised by 'words'"),
        ("labels: [x, y]", "z", "'z' is none of the labels"),
        ("labels: [x, y]", ["x", "y"], "answer holds 2 labels"),
        ("labels: [x, y]\nmulti_label: true", ["x", "X"], "the label 'X' stands twice"),
    ],
)
def test_an_answer_that_cannot_be_given_is_refused(write, yaml, answer, what):
    where, found = refused(write(WRITTEN + yaml, [{"q": "x", "answer": answer}]))
    assert where == "items.jsonl:1"
    assert what in found


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["x"], "options holds 1"),
        (["x"] * 27, "options holds 27"),
        (["x", "x"], "stands twice"),
        (["x", " "], "is empty"),
        ("x", "no list of choices"),
    ],
)
def test_an_items_choices_must_be_choices(write, options, what):
    yaml = CHOICE.replace("[yes, no, maybe]", "options")
    found = refused(write(yaml, [{"question": "x", "options": options, "answer": 0}]))
    assert what in found[1]


def test_nothing_of_a_task_reaches_a_terminal_raw(write):
    escape = "\x1b[31m"
    yaml = CHOICE.replace("[yes, no, maybe]", '["\\e[31m", b]')
    for text, rows in (
        (yaml, [{"question": "x", "answer": escape + "c"}]),
        (CHOICE, [{escape: "x", "answer": "yes"}]),
        (CHOICE + 'answer: "\\e[31m"', ROWS),
        (CHOICE + 'items: "\\e[31m"', ROWS),
        (WRITTEN + 'labels: ["\\e[31m", "\\e[31m."]', ROWS),
        (CHOICE + '"\\e[31m": 1', ROWS),
    ):
        with pytest.raises(DataError) as caught:
            read(write(text, rows))
        assert str(caught.value).replace("\n", "").isprintable(), text


def test_a_field_may_be_called_in_any_language(write):
    rows = [{"\u95ee\u9898": "\u9996\u90fd", "\u7b54": "\u5317\u4eac"}]
    yaml = WRITTEN.replace("{q}", "{\u95ee\u9898}\uff1a") + "answer: \u7b54\nnormalise: words\n"
    [item] = read(write(yaml, rows)).task_items
    assert item.prompt == "\u9996\u90fd\uff1a"


def test_files_that_are_not_there_or_empty_or_no_text_are_told(write, tmp_path):
    with pytest.raises(DataError, match=r"task.yaml: the file cannot be read"):
        read(tmp_path)
    folder = write(CHOICE, [])
    assert refused(folder) == ("items.jsonl", "the file holds no item")
    (folder / "items.jsonl").write_bytes(b'{"question": "x", "answer": "yes"}\n\xff\n')
    assert refused(folder) == ("items.jsonl:2", "the line is not UTF-8 text")
    (folder / "items.jsonl").unlink()
    assert refused(folder)[1].startswith("the file cannot be read")
    (folder / "task.yaml").write_bytes(b"\xff")
    assert refused(folder) == ("task.yaml", "the file is not UTF-8 text")
    (folder / "task.yaml").write_text("- x")
    assert refused(folder) == ("task.yaml", "this is no mapping of settings")
    folder = write(WRITTEN + "shots: 9\nexamples: dev.jsonl", [{"q": 1, "answer": 2}], dev=EXAMPLES)
    assert refused(folder)[1] == "it holds 5 examples; task.yaml asks for 9 shots"
