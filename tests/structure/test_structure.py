"""What the package must stay: light to import, in its floors, in short files."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gapless

REPOSITORY = Path(__file__).parents[2]
SOURCES = sorted((REPOSITORY / "src" / "gapless").rglob("*.py"))
HEAVY = {"torch", "daft", "pydantic", "transformers", "numpy", "pyarrow", "yaml", "tokenizers"}
MOST_LINES = 400
COMMAND = "from gapless.cli.main import run; run()"


def modules_after(code: str) -> set[str]:
    """Return the top packages that are loaded when ``code`` has run in a new process."""
    ending = "\nprint('\\nMODULES', *{name.partition('.')[0] for name in sys.modules})"
    body = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass{ending}"
    done = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import gapless",
        "import gapless.cli.main",
        f"sys.argv = ['gapless', '--help']; {COMMAND}",
        f"sys.argv = ['gapless', '--version']; {COMMAND}",
    ],
    ids=["package", "cli", "help", "version"],
)
def test_what_must_answer_at_once_loads_nothing_heavy(code: str) -> None:
    loaded = modules_after(code)
    assert "gapless" in loaded
    assert not loaded & HEAVY


def test_the_recipe_loads_no_numerical_library() -> None:
    loaded = modules_after("import gapless.recipe")
    assert "pydantic" in loaded
    assert not loaded & (HEAVY - {"pydantic", "yaml"})


def test_importing_changes_nothing_global() -> None:
    code = """
import logging, os, random, warnings
before = (dict(os.environ), random.getstate(), logging.root.handlers[:], warnings.filters[:])
import gapless, gapless.cli.main, gapless.recipe, gapless.workflow.verbs
after = (dict(os.environ), random.getstate(), logging.root.handlers[:], warnings.filters[:])
assert before[:3] == after[:3]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_public_names_are_the_visible_ones_and_each_is_there() -> None:
    assert dir(gapless) == sorted(gapless.__all__)
    for name in gapless.__all__:
        assert getattr(gapless, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = gapless.nothing  # type: ignore[attr-defined]


def test_no_public_name_is_hidden_by_a_room() -> None:
    rooms = {path.parent.name for path in SOURCES if path.name == "__init__.py"}
    rooms |= {path.stem for path in SOURCES if path.parent.name == "gapless"}
    assert "report" in rooms
    assert not rooms & set(gapless.__all__)


def test_the_version_stands_in_one_place() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" in settings["project"]["dynamic"]
    place = REPOSITORY / settings["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{gapless.__version__}"' in place.read_text().splitlines()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_says_first_what_it_knows(path: Path) -> None:
    assert path.read_text().lstrip().startswith(('"""', 'r"""'))


def test_the_floors_hold() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
