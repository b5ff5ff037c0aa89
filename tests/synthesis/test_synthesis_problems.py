"""The pool of programming problems: ours run, and others' are read with care."""

import json
from pathlib import Path

import pytest

from gapless.errors import DataError
from gapless.sandbox import Sandbox, SandboxError
from gapless.synthesis.problems import Problem, read_problems

PROBLEMS = read_problems(None)
MUTATIONS = (
    ("+ 1", "+ 2"),
    ("- 1", "- 2"),
    (" < ", " <= "),
    (" > ", " >= "),
    ("==", "!="),
    ("return ", "return not "),
    ("sorted(", "list("),
    ("+=", "-="),
    (" and ", " or "),
    ("max(", "min("),
    ("* ", "+ "),
)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return Sandbox.choose()
    except SandboxError as error:
        pytest.skip(str(error))


def test_there_are_many_and_each_is_one_of_a_kind() -> None:
    assert len(PROBLEMS) >= 40
    for part in ("id", "problem", "solution"):
        assert len({getattr(problem, part) for problem in PROBLEMS}) == len(PROBLEMS)
    for problem in PROBLEMS:
        assert problem.tests.count("assert ") >= 4, problem.id
        assert "import os" not in problem.solution


def test_every_solution_passes_its_tests(sandbox: Sandbox) -> None:
    programs = [f"{problem.solution}\n\n{problem.tests}\n" for problem in PROBLEMS]
    verdicts = sandbox.run_all(programs, workers=2)
    failed = [p.id for p, v in zip(PROBLEMS, verdicts, strict=True) if v.kind != "passed"]
    assert failed == []


def mutants(problem: Problem) -> list[str]:
    """Return versions of a solution with one small mistake."""
    changed = [problem.solution.replace(old, new, 1) for old, new in MUTATIONS]
    return [one for one in changed if one != problem.solution]


def test_a_spoiled_solution_fails_its_tests(sandbox: Sandbox) -> None:
    spoiled = [(p, mutant) for p in PROBLEMS for mutant in mutants(p)[:1]]
    programs = [f"{mutant}\n\n{problem.tests}\n" for problem, mutant in spoiled]
    verdicts = sandbox.run_all(programs, workers=2)
    caught = sum(verdict.kind != "passed" for verdict in verdicts)
    assert len(programs) > 40
    assert caught >= 0.8 * len(programs)


def write(folder: Path, *lines: object) -> Path:
    path = folder / "pool.jsonl"
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(written), "utf-8")
    return path


ROW = {"id": "a", "problem": "p", "solution": "s", "tests": "t"}


def test_a_users_pool_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, ROW, "", ROW | {"id": "b", "level": 3})
    assert read_problems(path) == (Problem("a", "p", "s", "t"), Problem("b", "p", "s", "t"))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ({"id": "b", "problem": "p", "solution": "s"}, "no 'tests'"),
        (ROW | {"id": "b", "problem": " "}, "'problem' is ' ', not a text"),
        (ROW | {"id": 3}, "'id' is 3, not a text"),
        (ROW, "the id 'a' comes twice"),
    ],
)
def test_a_line_that_is_no_problem_is_named(tmp_path: Path, line: object, what: str) -> None:
    path = write(tmp_path, ROW, line)
    with pytest.raises(DataError, match=what.replace("(", r"\(")) as caught:
        read_problems(path)
    assert caught.value.where == f"{path}:2"


def test_a_pool_must_be_there_and_hold_something(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no problems"):
        read_problems(write(tmp_path, "", ""))
    with pytest.raises(DataError, match="cannot be read"):
        read_problems(tmp_path / "other.jsonl")
