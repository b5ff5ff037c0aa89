"""What is given to users: a wheel that works away from the repository, with all of its data."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import gapless

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "gapless"
DATA = {
    "py.typed": "the mark of a typed package",
    "assets/table.toml": "the table of assets",
    "assets/data/*.zst": "corpora",
    "assets/data/base/*.safetensors": "the base model",
    "assets/data/licences/*.txt": "licences of the corpora",
    "assets/data/suite-*/*/task.yaml": "suites of tasks",
    "assets/data/suite-*/*/items.jsonl.zst": "items of tasks",
    "report/templates/*.j2": "templates of the report",
    "report/assets/*.js": "scripts of the report",
    "report/assets/*.css": "styles of the report",
    "scoring/topics/*.txt": "prompts of annotators",
    "synthesis/prompts/*.jinja": "prompts of syntheses",
    "synthesis/*.toml": "tables of syntheses",
    "tokenization/*.jinja": "the plain chat template",
    "workflow/starters/*.yaml": "starters",
}
"""Kinds of data that the package reads, and what each is."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and sdist, built without the network."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def package_files() -> set[str]:
    """Return the files of the package; what a run of the tests leaves there is none of it."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(".partial")
    }


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    info = {name for name in held if ".dist-info/" in name}
    missing, strange = package_files() - held, held - info - package_files()
    assert not missing
    assert not strange
    for pattern, kind in DATA.items():
        assert any(Path(name).match(f"gapless/{pattern}") for name in held), f"no {kind}"
    files = {Path(name).name for name in info}
    assert {"METADATA", "LICENSE", "entry_points.txt", "RECORD"} <= files


def test_no_kind_of_data_is_forgotten_here() -> None:
    """A new kind is named above, so that it is looked for."""
    known = set()
    for pattern in DATA:
        known |= {path.suffix or path.name for path in PACKAGE.glob(pattern)}
    found = {Path(name).suffix or Path(name).name for name in package_files()} - {".py"}
    assert found - known <= {".md", ".json", ".jsonl"}  # beside what is named: cards, a tokenizer


def test_the_sdist_holds_what_makes_the_wheel_and_what_its_pages_show(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in package_files()} <= names
    pages = {"README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
    assert pages <= names
    for folder in ("recipes", "examples", "docs"):
        wanted = {
            file.relative_to(REPOSITORY).as_posix()
            for file in (REPOSITORY / folder).rglob("*")
            if file.is_file() and not {"__pycache__", ".mypy_cache", "runs"} & {*file.parts}
        }
        assert len(wanted) > 1
        assert wanted <= names
    top = {name.partition("/")[0] for name in names}
    assert not top & {"experiments", "benchmarks", "runs", ".venv", ".git"}
    links = re.findall(r"\]\(([^)#:]+)\)", (REPOSITORY / "README.md").read_text())
    assert links
    assert {link for link in links if link not in names} == set()


def test_the_version_is_the_same_wherever_it_stands(wheel: Path) -> None:
    version = gapless.__version__
    assert wheel.name == f"gapless-{version}-py3-none-any.whl"
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert re.search(rf"^version: \"?{re.escape(version)}\"?$", citation, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert any(re.search(rf"\b{re.escape(version)}\b", heading) for heading in headings)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, which sees the dependencies that are here."""
    place = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    (packages,) = place.glob("lib/python*/site-packages")
    # A plain line of a .pth file: the editable install of the repository is not followed.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    options = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, *options, "--ignore-installed", str(wheel)], check=True, timeout=120, cwd=place
    )
    return place


def answer(installed: Path, cwd: Path, *words: str) -> str:
    """Return what the installed command says, away from the repository."""
    unset = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    done = subprocess.run(
        [installed / "bin" / words[0], *words[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_command_works_away_from_the_repository(
    installed: Path, tmp_path: Path
) -> None:
    code = "import gapless, importlib.metadata as m; print(gapless.__file__, m.version('gapless'))"
    place, version = answer(installed, tmp_path, "python", "-c", code).split()
    assert Path(place).is_relative_to(installed)
    assert version == gapless.__version__
    assert answer(installed, tmp_path, "gapless", "--version") == f"gapless {version}\n"
    assert "export" in answer(installed, tmp_path, "gapless", "--help")
    assert json.loads(answer(installed, tmp_path, "gapless", "schema"))["title"] == "Recipe"
    answer(installed, tmp_path, "gapless", "init", "mine")
    text = " ".join(f"Sentence {n} of a text that is long enough to stay." for n in range(20))
    (tmp_path / "mine" / "data" / "domain" / "it.txt").write_text(text)
    plan = answer(installed, tmp_path, "gapless", "plan", "mine/recipe.yaml")
    assert "background" in plan
    assets = answer(installed, tmp_path, "gapless", "assets", "list")
    assert "encyclopedia-small" in assets


def test_the_environment_of_the_test_is_clean(installed: Path, tmp_path: Path) -> None:
    """Guard: without the wheel nothing is found, so it is the wheel that is tried out."""
    bare = tmp_path / "bare"
    shutil.copytree(installed, bare, symlinks=True)
    (packages,) = bare.glob("lib/python*/site-packages")
    shutil.rmtree(packages / "gapless")
    code = "import importlib.util as u; print(u.find_spec('gapless'), u.find_spec('typer') is None)"
    assert answer(bare, tmp_path, "python", "-c", code).split() == ["None", "False"]
