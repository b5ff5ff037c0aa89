import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import gapless
import gapless.workflow
from gapless.cli.main import app
from gapless.errors import RecipeError, RunError
from gapless.recipe import json_schema

from . import answers

FAIL: dict[str, BaseException] = {}
ANSWERS: dict[str, Any] = {
    "init": [Path("new/recipe.yaml")],
    "plan": answers.PLAN,
    "run": answers.RESULT,
    "status": answers.STATUS,
    "report": Path("runs/demo/report.html"),
    "compare": answers.COMPARISON,
    "merge": [Path("out/config.json"), Path("out/model.safetensors")],
    "show": [answers.GLIMPSE],
    "audit": [answers.AUDIT],
    "show_document": [answers.FATE],
    "demo": answers.RESULT,
    "find_rate": answers.RATES,
}


class Verbs(ModuleType):
    """Stands for `gapless.workflow.verbs`: remembers what it was asked, and answers or fails."""

    def __init__(self) -> None:
        super().__init__("gapless.workflow.verbs")
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.failure: BaseException | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in ANSWERS:
            raise AttributeError(name)

        def verb(*args: Any, **options: Any) -> Any:
            self.calls.append((name, args, options))
            if self.failure is not None:
                raise self.failure
            return ANSWERS[name]

        return verb


@pytest.fixture
def verbs(monkeypatch: pytest.MonkeyPatch) -> Verbs:
    fake = Verbs()
    monkeypatch.setitem(sys.modules, "gapless.workflow.verbs", fake)
    monkeypatch.setattr(gapless.workflow, "verbs", fake, raising=False)
    return fake


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


CALLS = {
    "init new": ("init", (Path("new"),), {}),
    "plan r.yaml": (
        "plan",
        (Path("r.yaml"),),
        {"variants": (), "overrides": (), "run_dir": None, "exact": False},
    ),
    "plan r.yaml --set a=1 --set b.c=[1] --run-dir out --exact": (
        "plan",
        (Path("r.yaml"),),
        {"variants": (), "overrides": ["a=1", "b.c=[1]"], "run_dir": Path("out"), "exact": True},
    ),
    "run r.yaml": (
        "run",
        (Path("r.yaml"),),
        {
            "variants": (),
            "overrides": (),
            "run_dir": None,
            "until": None,
            "allow_contamination": False,
        },
    ),
    "run r.yaml --variant a --variant b --set a=1": (
        "run",
        (Path("r.yaml"),),
        {
            "variants": ["a", "b"],
            "overrides": ["a=1"],
            "run_dir": None,
            "until": None,
            "allow_contamination": False,
        },
    ),
    "run r.yaml --allow-contamination": (
        "run",
        (Path("r.yaml"),),
        {
            "variants": (),
            "overrides": (),
            "run_dir": None,
            "until": None,
            "allow_contamination": True,
        },
    ),
    "run r.yaml --set a=1 --until order --run-dir out": (
        "run",
        (Path("r.yaml"),),
        {
            "variants": (),
            "overrides": ["a=1"],
            "run_dir": Path("out"),
            "until": "order",
            "allow_contamination": False,
        },
    ),
    "status runs/demo": ("status", (Path("runs/demo"),), {}),
    "report runs/demo": ("report", (Path("runs/demo"),), {}),
    "show runs/demo": ("audit", (Path("runs/demo"), None), {}),
    "show runs/demo --arm x": ("audit", (Path("runs/demo"), "x"), {}),
    "show runs/demo --token 768": ("show", (Path("runs/demo"), 768, None), {}),
    "show runs/demo --token 768 --arm x": ("show", (Path("runs/demo"), 768, "x"), {}),
    "show runs/demo --document web:3": (
        "show_document",
        (Path("runs/demo"), "web:3", None),
        {},
    ),
    "merge out one": (
        "merge",
        (Path("out"), [Path("one")]),
        {"weights": None, "base": None, "towards_base": None},
    ),
    "merge out one two --weights 0.7,0.3 --base b --towards-base 0.3": (
        "merge",
        (Path("out"), [Path("one"), Path("two")]),
        {"weights": [0.7, 0.3], "base": Path("b"), "towards_base": 0.3},
    ),
    "rates r.yaml": (
        "find_rate",
        (Path("r.yaml"),),
        {
            "between": (1e-6, 1e-3),
            "count": 6,
            "tokens": None,
            "variants": (),
            "overrides": (),
            "run_dir": None,
        },
    ),
    "rates r.yaml --from 1e-5 --to 1e-2 --count 4 --tokens 200k --set a=1 --run-dir out": (
        "find_rate",
        (Path("r.yaml"),),
        {
            "between": (1e-5, 1e-2),
            "count": 4,
            "tokens": 200_000,
            "variants": (),
            "overrides": ["a=1"],
            "run_dir": Path("out"),
        },
    ),
    "compare one two": (
        "compare",
        ([Path("one"), Path("two")], None),
        {"align": "tokens"},
    ),
    "compare one two --out f.html --align flops": (
        "compare",
        ([Path("one"), Path("two")], Path("f.html")),
        {"align": "flops"},
    ),
    "demo": ("demo", (Path("gapless-demo"),), {"offline": False}),
    "demo --dir d --offline": ("demo", (Path("d"),), {"offline": True}),
}


@pytest.mark.parametrize("line", CALLS)
def test_a_verb_passes_on_what_was_asked_and_shows_the_answer(line: str, verbs: Verbs) -> None:
    result = invoke(*line.split())
    ((name, args, options),) = verbs.calls
    progress = options.pop("progress", None)
    assert (name, args, options) == CALLS[line]
    assert (progress is not None) == (name in {"run", "demo", "find_rate"})
    assert result.exit_code == 0, result.output
    assert len(result.stdout) > 10
    assert result.stderr == ""


def test_runs_are_aligned_by_tokens_or_operations_and_nothing_else() -> None:
    assert invoke("compare", "one", "--align", "seconds").exit_code == 2


FAILURES = {
    "recipe": (
        RecipeError("there is no such setting", where="r.yaml:3: a.b", mend="Did you mean 'c'?"),
        2,
        "error: r.yaml:3: a.b: there is no such setting\n  Did you mean 'c'?\n",
    ),
    "run": (RunError("this is no run folder"), 1, "error: this is no run folder\n"),
    "stopped": (
        KeyboardInterrupt(),
        130,
        "stopped; the same command goes on from the last checkpoint\n",
    ),
    "full disk": (
        OSError(errno.ENOSPC, "No space left on device", "runs/x"),
        1,
        (
            "error: the disk is full (at runs/x); nothing already made is lost\n"
            "  Free some space, or lift what limits it; the same command goes on from there.\n"
        ),
    ),
}


@pytest.mark.parametrize(("failure", "status", "text"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_message_and_an_exit_status(
    failure: BaseException, status: int, text: str, verbs: Verbs
) -> None:
    verbs.failure = failure
    result = invoke("run", "r.yaml")
    assert (result.exit_code, result.stderr) == (status, text)


@pytest.mark.parametrize("failure", [ZeroDivisionError("oh"), PermissionError(13, "oh")])
def test_a_fault_of_ours_shows_where_it_is_and_says_sorry(failure: Exception, verbs: Verbs) -> None:
    verbs.failure = failure
    result = invoke("status", "runs/demo")
    assert result.exit_code == 70
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith(
        "Sorry: this is a fault in gapless, not in what you asked. Please report it.\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "run",
        "show runs/demo --token 1 --document web:3",
        "show runs/demo --token -1",
        "dance",
        "merge out",
        "merge out one --weights much",
        "rates r.yaml --tokens many",
        "run r.yaml --fast",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(line: str, verbs: Verbs) -> None:
    result = invoke(*line.split())
    assert result.exit_code == 2
    assert "Error" in result.stderr
    assert verbs.calls == []


def test_the_version_is_shown() -> None:
    assert invoke("--version").stdout == f"gapless {gapless.__version__}\n"


def test_help_names_every_verb_and_each_verb_helps() -> None:
    text = invoke("--help").stdout
    shown = (ANSWERS.keys() - {"show_document", "audit", "find_rate"}) | {
        "rates",
        "assets",
        "schema",
    }
    for verb in shown:
        assert f"\n  {verb} " in text
        assert invoke(verb, "--help").exit_code == 0


def test_the_schema_is_printed_as_published() -> None:
    assert json.loads(invoke("schema").stdout) == json_schema()


def test_assets_are_listed() -> None:
    text = invoke("assets", "list").stdout
    assert "base" in text
    assert "yes" in text


def test_an_unknown_asset_is_a_plain_error() -> None:
    result = invoke("assets", "fetch", "pubmet2021")
    assert result.exit_code == 1
    assert "Did you mean 'pubmed2021'?" in result.stderr
