"""Solutions of programming problems against their own tests, in the sandbox.

    solution + tests -> passes?      stubs of the solution + tests -> fail, as they should?

Tests that a solution passes whose functions all return None, or all return True, test nothing.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from gapless.sandbox import Kind, Limits, Sandbox, Verdict
from gapless.synthesis.draft import Draft

UNPARSED = "code that is no Python"
NO_FUNCTION = "no function to test"
EMPTY_TESTS = "tests that test nothing"
_OF_KIND: dict[Kind, str] = {
    "failed": "solution fails its tests",
    "timed_out": "solution runs out of time",
    "out_of_memory": "solution runs out of memory",
    "too_much_output": "solution prints too much",
    "crashed": "solution crashes",
}

REASONS = {
    UNPARSED: "solution or tests do not parse",
    NO_FUNCTION: "the solution defines no function",
    EMPTY_TESTS: "they assert nothing, or a solution that returns a constant passes them",
    _OF_KIND["failed"]: "an assertion or an exception in the sandbox",
    _OF_KIND["timed_out"]: "the sandbox's limit of time",
    _OF_KIND["out_of_memory"]: "the sandbox's limit of memory",
    _OF_KIND["too_much_output"]: "the sandbox's limit of output",
    _OF_KIND["crashed"]: "a signal ended it in the sandbox",
}

_NO_PROGRAM = frozenset({UNPARSED, NO_FUNCTION})
_STUBS = (None, True)
_MOST_CHARACTERS = 100_000
_BATCH = 64
_RUN_UNITTEST = """
import unittest as _unittest
_told = _unittest.main(argv=["tests"], exit=False, verbosity=0).result
_bad = _told.errors + _told.failures
assert not _bad, _bad[0][1].strip().splitlines()[-1]
assert _told.testsRun, "no test was run"
"""


@dataclass(frozen=True)
class CodeVerdict:
    """What came of a draft's code."""

    draft: Draft
    verdict: str
    """``passed``, or a name of `REASONS`."""
    detail: str = ""

    def reason(self, code: Literal["drop", "flag"]) -> str | None:
        """Return the reason to drop the draft; with ``flag``, only for what is no program."""
        if self.verdict == "passed" or (code == "flag" and self.verdict not in _NO_PROGRAM):
            return None
        return self.verdict


def run_code(
    drafts: Iterable[Draft], sandbox: Sandbox, *, workers: int, limits: Limits | None = None
) -> Iterator[CodeVerdict]:
    """Run the code of drafts with sections ``solution`` and ``tests``; verdicts in their order.

    Tests are assertions in the open, functions ``test_...`` without parameters, which are called,
    or cases of unittest, which are run. A draft costs up to three programs.

    Raises:
        SandboxError: from `Sandbox.choose` or from a run; it says nothing of the draft.

    """
    waiting = iter(drafts)
    while group := list(islice(waiting, _BATCH)):
        yield from _judge_batch(group, sandbox, workers, limits or Limits())


def _judge_batch(
    group: Sequence[Draft], sandbox: Sandbox, workers: int, limits: Limits
) -> list[CodeVerdict]:
    verdicts = [_before_running(draft) for draft in group]
    for stub in ("none", *_STUBS):
        places = [place for place, verdict in enumerate(verdicts) if verdict.verdict == "passed"]
        programs = [
            program_of(group[place]) if stub == "none" else _stubbed(group[place], returns=stub)
            for place in places
        ]
        ran = sandbox.run_all(programs, workers=workers, limits=limits)
        for place, verdict in zip(places, ran, strict=True):
            told = _of_solution if stub == "none" else _of_stub
            verdicts[place] = told(group[place], verdict, stub)
    return verdicts


def _of_solution(draft: Draft, verdict: Verdict, _: object) -> CodeVerdict:
    if verdict.kind == "passed":
        return CodeVerdict(draft, "passed")
    return CodeVerdict(draft, _OF_KIND[verdict.kind], verdict.message)


def _of_stub(draft: Draft, verdict: Verdict, returned: object) -> CodeVerdict:
    if verdict.kind != "passed":
        return CodeVerdict(draft, "passed")
    return CodeVerdict(draft, EMPTY_TESTS, f"a solution that returns {returned} passes them")


def program_of(draft: Draft) -> str:
    """Return the program that runs a draft's tests on its solution."""
    return _program(draft.sections["solution"], draft.sections["tests"])


def _stubbed(draft: Draft, *, returns: object) -> str:
    tree = _Stub(returns).visit(_parsed(draft.sections["solution"]))
    stub = ast.unparse(ast.fix_missing_locations(tree))
    return _program(stub, draft.sections["tests"])


def _program(solution: str, tests: str) -> str:
    tree = _parsed(tests)
    if _has_cases(tree):
        tests = ast.unparse(_WithoutMain().visit(tree)) + _RUN_UNITTEST
    calls = "".join(f"\n{name}()" for name in _uncalled_tests(tree))
    return f"{solution}\n\n{tests}{calls}\n"


def _before_running(draft: Draft) -> CodeVerdict:
    """Judge what shows without running anything; ``passed`` where all is well so far."""
    trees = {}
    for name in ("solution", "tests"):
        try:
            trees[name] = _parsed(draft.sections[name])
            ast.unparse(trees[name])
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            told = str(error) or type(error).__name__
            return CodeVerdict(draft, UNPARSED, f"{name}: {told}")
    if not any(isinstance(node, _FUNCTIONS) for node in ast.walk(trees["solution"])):
        return CodeVerdict(draft, NO_FUNCTION)
    if not any(_asserts(node) for node in ast.walk(trees["tests"])):
        return CodeVerdict(draft, EMPTY_TESTS, "they assert nothing")
    return CodeVerdict(draft, "passed")


_DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.Try,
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _parsed(code: str) -> ast.Module:
    if len(code) > _MOST_CHARACTERS:
        raise ValueError(f"more than {_MOST_CHARACTERS} characters")
    with warnings.catch_warnings():
        # A model's doubtful escapes are no news to whoever runs this.
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _asserts(node: ast.AST) -> bool:
    """Tell if a node asserts something that is not plain in itself."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr.startswith(("assert", "fail"))
    return False


def _has_cases(tree: ast.Module) -> bool:
    bases = [base for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
    return any(ast.unparse(base).endswith("TestCase") for base in bases)


def _uncalled_tests(tree: ast.Module) -> list[str]:
    """Return the names of test functions without parameters that nothing at top level calls."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    called = {node.id for part in others for node in ast.walk(part) if isinstance(node, ast.Name)}
    return [
        function.name
        for function in functions
        if function.name.startswith("test")
        and function.name not in called
        and not (function.args.args or function.args.posonlyargs or function.args.kwonlyargs)
    ]


class _Stub(ast.NodeTransformer):
    """Every function returns one constant, whatever it is given."""

    def __init__(self, returned: object) -> None:
        self._returned = ast.Constant(returned)  # type: ignore[arg-type]  # None or True

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Keep definitions only: lines that use them would fail in the place of the tests."""
        node.body = [part for part in node.body if isinstance(part, _DEFINITIONS)]
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [self._body(node.name)]
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.body = [self._body(node.name)]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.body = self._returned
        return node

    def _body(self, name: str) -> ast.stmt:
        # Python lets __init__ return nothing else.
        return ast.Pass() if name == "__init__" else ast.Return(self._returned)


class _WithoutMain(ast.NodeTransformer):
    """Without ``unittest.main()``, which leaves the program before its last line."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        is_main = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in (
            "unittest.main",
            "main",
        )
        return ast.Pass() if is_main else node
