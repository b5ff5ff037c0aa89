import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.errors import DataError, RunError
from gapless.evaluation.items import (
    ProbeItems,
    Question,
    _file_name,
    read_probe,
    read_probes,
    write_probe,
)
from gapless.evaluation.questions import read_questions

TEXTS = ProbeItems(
    name="law", role="domain", kind="bits_per_byte", items=("a\nb\rc", "d\u2028e \x85 é", "f")
)
QUESTIONS = ProbeItems(
    name="exam", role="general", kind="multiple_choice", items=(Question("q", ("a", "b"), 1),)
)


@pytest.mark.parametrize("probe", [TEXTS, QUESTIONS])
def test_a_probe_reads_back_as_written(tmp_path, probe):
    assert read_probe(write_probe(tmp_path / "probes", probe)) == probe


def test_a_folders_probes_come_by_name(tmp_path):
    write_probe(tmp_path, TEXTS)
    write_probe(tmp_path, QUESTIONS)
    topic = topic_probe("exam/all")
    write_probe(tmp_path, topic)
    assert read_probes(tmp_path) == [QUESTIONS, TEXTS, topic]


def test_two_probes_of_one_name_are_an_error(tmp_path):
    write_probe(tmp_path, TEXTS)
    with pytest.raises(DataError, match="two probes are called 'law'"):
        write_probe(tmp_path, TEXTS)


HOSTILE = [
    "web/Law and Policy",
    "web/../x",
    "../web/x",
    "/web/x",
    "web/a/b",
    "web/a%2Fb",
    'web/a\\b\n"c\u2028',
    "web/\u6cd5\u5f8b",
    "web/" + "\u6cd5" * 200,
    "web/" + "\u6cd5" * 199 + "\u5f8b",
    "web/",
    ".hidden",
    "..",
]


def topic_probe(name):
    return ProbeItems(name=name, role="domain", kind="perplexity", items=("a", "b"))


def test_a_hostile_name_stays_in_the_folder_and_is_read_back(tmp_path):
    folder = tmp_path / "probes"
    paths = {write_probe(folder, topic_probe(name)) for name in HOSTILE}
    assert len(paths) == len(HOSTILE)
    assert {path.parent for path in paths} == {folder}
    assert [path.name for path in tmp_path.iterdir()] == ["probes"]
    assert sorted(probe.name for probe in read_probes(folder)) == sorted(HOSTILE)
    assert (folder / "web%2FLaw%20and%20Policy.jsonl").is_file()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120))
def test_a_file_has_one_probes_name(name):
    file = _file_name(name)
    assert 0 < len(file) <= 200
    assert set(file).isdisjoint("/\\\0")
    assert not file.startswith(".")
    others = {name + "/", name[:-1], name.replace("/", "%2F"), name.swapcase(), file} - {name}
    assert file not in {_file_name(other) for other in others if other}


def test_a_name_with_a_nul_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds a NUL"):
        write_probe(tmp_path, topic_probe("web/a\0b"))


@pytest.mark.parametrize(
    "content", ["", "{}\n", "no JSON", '[1]\n"a"\n', '{"schema_version": 9}\n']
)
def test_a_damaged_probe_is_an_error_with_the_mend(tmp_path, content):
    path = tmp_path / "law.jsonl"
    path.write_text(content)
    with pytest.raises(RunError, match="Delete the folder"):
        read_probe(path)


def question(**changes):
    row = {"question": "2 + 2 is", "choices": ["4", "5"], "answer": 0} | changes
    return json.dumps({key: value for key, value in row.items() if value is not None})


def test_questions_read_with_other_keys_empty_lines_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "exam.jsonl"
    lines = [question(topic="sums"), "", question(question="a\u2028b", answer=1)]
    path.write_text("\r\n".join(lines) + "\n", encoding="utf-8-sig")
    assert read_questions(path) == (
        Question("2 + 2 is", ("4", "5"), 0),
        Question("a\u2028b", ("4", "5"), 1),
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "the line is not JSON"),
        ("[1]", "the line is not a JSON object"),
        (question(question=None), "question is missing"),
        (question(question=7), "question is not a text"),
        (r'{"question": "\ud800", "choices": ["a", "b"], "answer": 0}', "question is not a text"),
        (question(choices=None), "choices is missing"),
        (question(choices="ab"), "choices is not a list"),
        (question(choices=["4"]), "choices holds 1"),
        (question(choices=["4", ""]), "choice 1 is ''"),
        (question(choices=["4", 5]), "choice 1 is 5"),
        (question(answer=None), "answer is missing"),
        (question(answer="A"), "answer is 'A', not an index"),
        (question(answer=True), "answer is True, not an index"),
        (question(answer=2), "answer is 2, out of range"),
        (question(answer=-1), "answer is -1, out of range"),
    ],
)
def test_a_wrong_line_is_an_error_that_names_the_line_and_the_mend(tmp_path, line, what):
    path = tmp_path / "exam.jsonl"
    path.write_text(f"{question()}\n\n{line}\n")
    with pytest.raises(DataError) as caught:
        read_questions(path)
    assert caught.value.what.startswith(what)
    assert caught.value.where == f"{path}:3"
    assert caught.value.mend


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"\n", "holds no question"), (b"\xff\xfe", "not UTF-8"), (None, "cannot be read")],
)
def test_a_file_that_cannot_serve_is_an_error(tmp_path, content, what):
    path = tmp_path / "exam.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=what) as caught:
        read_questions(path)
    assert caught.value.where == str(path)
