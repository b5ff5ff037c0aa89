import pytest

from gapless.sandbox import Limits, Sandbox, SandboxError
from gapless.synthesis.coding import REASONS, program_of, run_code
from gapless.synthesis.draft import Draft

BRIEF = Limits(seconds=4, cpu_seconds=1, memory_bytes=256 << 20, file_bytes=1 << 20)
ADD = "def add(a, b):\n    return a + b\n"
ASSERTS = "assert add(1, 2) == 3\nassert add(0, 0) == 0\nassert add(-1, 1) == 0"
UNITTEST = """
import unittest

class TestAdd(unittest.TestCase):
    def test_small(self):
        self.assertEqual(add(1, 2), 3)
        self.assertEqual(add(5, 5), {})

if __name__ == "__main__":
    unittest.main()
"""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return Sandbox.choose()
    except SandboxError as error:
        pytest.skip(str(error))


def draft(solution: str, tests: str) -> Draft:
    sections = {"problem": "Add.", "solution": solution, "tests": tests}
    return Draft("k", "code_qa", "", "en", sections, ())


STACK = """
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def size(self):
        return len(self.items)
"""

CASES = {
    "passes": (ADD, ASSERTS, "passed"),
    "tests as functions": (ADD, f"def test_add():\n    {ASSERTS.replace(chr(10), '; ')}", "passed"),
    "tests called by themselves": (
        ADD,
        "def test_add():\n    assert add(1, 2) == 3\n    assert add(2, 2) == 4\n\ntest_add()",
        "passed",
    ),
    "unittest": (ADD, UNITTEST.format(10), "passed"),
    "unittest fails": (ADD, UNITTEST.format(11), "solution fails its tests"),
    "wrong": (ADD.replace("+", "-"), ASSERTS, "solution fails its tests"),
    "wrong in a function": (
        ADD.replace("+", "-"),
        "def test_add():\n    assert add(1, 2) == 3",
        "solution fails its tests",
    ),
    "leaves early": (ADD, f"import sys\nsys.exit(0)\n{ASSERTS}", "solution fails its tests"),
    "never ends": (f"{ADD}\nwhile True: pass", ASSERTS, "solution runs out of time"),
    "eats memory": (f"{ADD}\nx = [0] * 10**9", ASSERTS, "solution runs out of memory"),
    "prints": (
        f"{ADD}\nfor _ in range(10**6): print('x' * 99)",
        ASSERTS,
        "solution prints too much",
    ),
    "no assert": (ADD, "add(1, 2)\nprint('ok')", "tests that test nothing"),
    "assert True": (ADD, "assert True, add(1, 2)", "tests that test nothing"),
    "assert what is plain": (ADD, "assert 1 == 1", "tests that test nothing"),
    "no test is called": (
        ADD,
        "def check():\n    assert add(1, 2) == 3",
        "tests that test nothing",
    ),
    "its own solution": (ADD, f"{ADD}\n{ASSERTS}", "tests that test nothing"),
    "not None": ("def f(x):\n    return None", "assert f(1) is None", "tests that test nothing"),
    "only true": (
        "def even(n):\n    return n % 2 == 0",
        "assert even(2)\nassert even(4)",
        "tests that test nothing",
    ),
    "true and false": (
        "def even(n):\n    return n % 2 == 0",
        "assert even(2)\nassert not even(3)",
        "passed",
    ),
    "use beside tests that test nothing": (
        f"{ADD}\nprint({{3: 1}}[add(1, 2)])",
        "assert 1 == 1",
        "tests that test nothing",
    ),
    "a class": (
        STACK,
        "s = Stack()\ns.push(1)\ns.push(2)\nassert s.size() == 2",
        "passed",
    ),
    "a lambda": ("add = lambda a, b: a + b", ASSERTS, "passed"),
    "no function": ("total = 3", "assert total == 3", "no function to test"),
    "no Python": ("def add(a, b:\n  return", ASSERTS, "code that is no Python"),
    "tests are no Python": (ADD, "assert add(1, 2) = 3", "code that is no Python"),
    "a null": ("x = '\0'", ASSERTS, "code that is no Python"),
    "without end": (f"{ADD}\n" + "x = 1\n" * 20_000, ASSERTS, "code that is no Python"),
    "too deep": (f"{ADD}\nx = " + "(" * 5000 + ")" * 5000, ASSERTS, "code that is no Python"),
}


def test_verdicts_are_those_of_each_case_in_order(sandbox):
    drafts = [draft(solution, tests) for solution, tests, _ in CASES.values()]
    found = list(run_code(iter(drafts), sandbox, workers=2, limits=BRIEF))
    told = dict(zip(CASES, (verdict.verdict for verdict in found), strict=True))
    assert told == {name: verdict for name, (_, _, verdict) in CASES.items()}
    assert [verdict.draft for verdict in found] == drafts
    assert set(told.values()) <= {"passed", *REASONS}
    for verdict in found:
        passed = verdict.verdict == "passed"
        assert verdict.reason("drop") == (None if passed else verdict.verdict)
        no_program = verdict.verdict in {"code that is no Python", "no function to test"}
        assert verdict.reason("flag") == (verdict.verdict if no_program else None)


def test_the_message_of_the_sandbox_is_the_detail(sandbox):
    wrong = draft(ADD.replace("+", "-"), ASSERTS)
    (found,) = run_code([wrong], sandbox, workers=1, limits=BRIEF)
    assert found.detail == "line 5: AssertionError"


def test_tests_of_plain_assertions_run_as_they_were_written():
    assert program_of(draft(ADD, ASSERTS)) == f"{ADD}\n\n{ASSERTS}\n"


def test_a_sandbox_that_does_not_start_is_an_error_and_no_verdict(sandbox):
    class Broken:
        def run_all(self, programs, **_):
            raise SandboxError("it does not start")

    with pytest.raises(SandboxError):
        list(run_code([draft(ADD, ASSERTS)], Broken(), workers=1))
