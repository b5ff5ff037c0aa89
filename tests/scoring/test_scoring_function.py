"""A user's own score: what it may answer, and every way it can go wrong."""

from pathlib import Path

import pyarrow as pa
import pytest

from gapless.errors import DataError
from gapless.scoring.function import FunctionScorer


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())


@pytest.fixture
def write(tmp_path):
    def to_file(source: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(source)
        return path

    return to_file


def test_numbers_and_gaps_come_back_in_order(write) -> None:
    path = write(
        "import dataclasses\n"
        "@dataclasses.dataclass\nclass Box:\n    size: 'int'\n"
        "def score(texts):\n"
        "    return [None if not t else float('nan') if t == '?' else Box(len(t)).size"
        " for t in texts]\n"
    )
    found = FunctionScorer(path)(array("abc", "", "?", "a"))[""]
    assert found.type == pa.float64()
    assert found.to_pylist() == [3.0, None, None, 1.0]


def test_labels_are_strings_even_when_all_are_missing(write) -> None:
    path = write("def kind(texts):\n    return ['long' if len(t) > 3 else None for t in texts]\n")
    scorer = FunctionScorer(path, "kind", "labels")
    assert scorer(array("abcd", "a"))[""].to_pylist() == ["long", None]
    assert scorer(array("a"))[""].type == pa.string()


def test_the_file_is_run_without_our_own_settings(write) -> None:
    path = write("def score(texts: list[int]):\n    return [score.__annotations__['texts'] == "
                 "list[int]] * len(texts)\n")  # fmt: skip
    assert FunctionScorer(path)(array("a"))[""].to_pylist() == [1.0]


@pytest.mark.parametrize(
    ("source", "what", "line"),
    [
        ("def score(texts)\n    pass\n", "cannot be run: SyntaxError", ":1"),
        ("import math\n1 / 0\n", "cannot be run: ZeroDivisionError", ":2"),
        ("def other(texts):\n    return []\n", "no function 'score'", ""),
        ("score = 3\n", "no function 'score'", ""),
    ],
)
def test_a_file_that_cannot_serve_is_refused(write, source, what, line) -> None:
    path = write(source)
    with pytest.raises(DataError) as caught:
        FunctionScorer(path)
    assert what in caught.value.what
    assert caught.value.where == f"{path}{line}"


@pytest.mark.parametrize(
    ("body", "what", "line"),
    [
        ("return [1.0]", "gave 1 answers for 2 texts", ""),
        ("return 3", "score failed: TypeError", ""),
        ("return ['a', 'b']", "gave 'a', which is not a number, for the text 'one'", ""),
        ("return [1.0, float('inf')]", "inf, which is not finite, for the text 'two'", ""),
        ("return [len(t) / 0 for t in texts]", "score failed: ZeroDivisionError", ":2"),
        ("import json\n    return json.loads('{')", "score failed: JSONDecodeError", ":3"),
    ],
)
def test_a_wrong_answer_names_file_function_and_text(write, body, what, line) -> None:
    path = write(f"def score(texts):\n    {body}\n")
    with pytest.raises(DataError) as caught:
        FunctionScorer(path)(array("one", "two"))
    assert what in caught.value.what
    assert caught.value.where == f"{path}{line}"


def test_a_number_is_no_label(write) -> None:
    path = write("def score(texts):\n    return [1] * len(texts)\n")
    with pytest.raises(DataError, match="score gave 1, which is not a label"):
        FunctionScorer(path, returns="labels")(array("one"))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read") as caught:
        FunctionScorer(tmp_path / "none.py")
    assert caught.value.where == str(tmp_path / "none.py")
