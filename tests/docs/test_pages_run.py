"""Every block of code of the documentation runs, or says in its source why it cannot.

In a page's source, on the line above a block:

    <!-- not run: WHY -->        shell that needs GPUs, a cluster, a server or minutes
    <!-- not planned: WHY -->    a recipe whose model or text is the reader's
    <!-- needs: PAGE -->         runs in the folder that PAGE has left
"""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from page_blocks import DOCS, ROOT, Block, blocks, commands
from typer.testing import CliRunner

import gapless
from gapless.assets import locate
from gapless.cli.main import app
from gapless.recipe import Recipe, arms, decode
from gapless.recipe.sweeps import Sweep

GUIDED = {"tutorials", "how-to", "explanation", "reference"}
"""Folders whose pages are run from top to bottom; guides are older and only looked over."""
PAGES = sorted(DOCS.rglob("*.md"))
RUN = [page for page in PAGES if page.parent.name in GUIDED or page.name == "index.md"]
ALL = [block for page in PAGES for block in blocks(page)]
RUN_BY_ANOTHER_TEST = {"endpoints.md", "sandbox.md"}
"""By test_endpoints_guide.py and test_sandbox_verdicts.py."""
LANGUAGES = {"", "console", "json", "jsonl", "python", "sh", "text", "yaml", "yml"}


def of(*languages: str) -> list[Block]:
    return [block for block in ALL if block.language in languages]


def is_read(block: Block) -> bool:
    return block.page in RUN


def ships(recipe: Recipe) -> bool:
    """Whether a recipe's model and text come with gapless."""
    paths = [source.path for source in recipe.sources.values()]
    flat = [path for each in paths for path in ([each] if isinstance(each, str) else each)]
    flat.append(getattr(recipe.model, "path", ""))
    return all(
        path.startswith("synthesis:") or (path.startswith("asset:") and here(path)) for path in flat
    )


def here(path: str) -> bool:
    name = path.removeprefix("asset:")
    return (name == "base" or name.endswith("-small")) and locate(name) is not None


def test_there_are_blocks_of_each_kind_to_look_at() -> None:
    kinds = {block.language for block in ALL if is_read(block)}
    assert kinds >= {"python", "sh", "yaml", "yml"}
    assert sum(block.mark == "" for block in of("sh", "python") if is_read(block)) >= 10


def test_languages_and_marks_are_those_we_know() -> None:
    for block in ALL:
        assert block.language in LANGUAGES, block
        if is_read(block):
            assert block.language, f"{block}: name its language; `text` if it is none"
        if block.language == "python" and not is_read(block):
            assert block.mark or block.page.name in RUN_BY_ANOTHER_TEST, block
        if block.mark == "not planned":
            assert block.language == "yaml", block
        elif block.mark:
            assert block.language in {"sh", "python"}, block
    marks = [line for page in PAGES for line in page.read_text().splitlines() if "<!-- not" in line]
    assert len(marks) == sum(block.mark in {"not run", "not planned"} for block in ALL)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_recipes_decode_and_are_planned_where_their_text_ships(
    block: Block, tmp_path: Path
) -> None:
    recipe = decode(yaml.safe_load(block.code))
    assert arms(recipe)
    if not ships(recipe):
        assert block.mark or block.title or not is_read(block), f"{block}: mark it `not planned`"
        return
    assert block.mark != "not planned", f"{block}: it can be planned"
    file = tmp_path / "recipe.yaml"
    file.write_text(block.code)
    plan = gapless.plan(file)
    assert len(plan.arms) == len(arms(recipe))
    assert all(arm.steps > 0 for arm in plan.arms)


@pytest.mark.parametrize("block", [b for b in of("yml") if "axes:" in b.code], ids=str)
def test_sweeps_decode(block: Block) -> None:
    assert Sweep.model_validate(yaml.safe_load(block.code)).axes


@pytest.mark.parametrize("block", [b for b in of("python") if b.mark], ids=str)
def test_python_that_is_not_run_is_python(block: Block) -> None:
    compile(block.code, str(block), "exec")


def parsed(command: str) -> list[str]:
    """Give each call of gapless in a command to the command line's parser; return their verbs."""
    verbs = []
    for call in re.findall(r"(?:^|[\s\"])gapless ([^\"]*)", command):
        verb, rest = typer.main.get_command(app), shlex.split(call)
        while hasattr(verb, "commands") and not rest[0].startswith("-"):
            name = rest.pop(0)
            assert name in verb.commands, f"no such verb: {name}"
            verb = verb.commands[name]
        if not hasattr(verb, "commands"):
            verb.make_context(verb.name, rest)
        verbs.append(verb.name)
    return verbs


SHELL = [block for block in of("sh") if block.mark == "not run" or not is_read(block)]
"""What a guide shows is not run either: its text and models are the reader's."""


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_that_are_not_run_are_understood(block: Block) -> None:
    for command in commands(block):
        parsed(command)


def test_the_parser_refuses_what_does_not_exist() -> None:
    assert parsed("srun torchrun -m gapless run a.yaml --until order") == ["run"]
    assert parsed('sbatch --wrap "gapless plan a.yaml"') == ["plan"]
    with pytest.raises(AssertionError, match="no such verb: fly"):
        parsed("gapless fly a.yaml")
    with pytest.raises(Exception, match="--wings"):
        parsed("gapless run a.yaml --wings")


def test_every_command_that_the_guides_name_exists() -> None:
    known = {command.name for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    for page in PAGES:
        code = "".join(block.code for block in blocks(page))
        lines = re.findall(r"^(?:\$ )?gapless ([a-z]+)", code, re.MULTILINE)
        named = {*lines, *re.findall(r"(?<!`)`gapless ([a-z]+)", page.read_text())}
        assert named <= known, page


def follow(page: Path, folder: Path) -> None:
    """Do what a reader of the page does, in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks(page):
            if block.title:
                (folder / block.title).write_text(block.code)
            if block.mark == "not run":
                continue
            if block.language == "python":
                exec(compile(block.code, str(block), "exec"), {})  # noqa: S102 - our own page
            elif block.language == "sh":
                run(block)


def run(block: Block) -> None:
    for command in commands(block):
        program, *arguments = shlex.split(command)
        assert program == "gapless", f"{block}: only gapless is run here; mark the block"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, f"{block}: {command}\n{done.output}"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


def has_code(page: Path) -> bool:
    return any(b.language in {"sh", "python"} and b.mark != "not run" for b in blocks(page))


TOGETHER = sorted((page for page in RUN if has_code(page)), key=lambda page: page.name)
"""The first tutorial comes before the page that needs what it left."""


@pytest.mark.parametrize("page", TOGETHER, ids=lambda page: page.stem)
def test_a_reader_who_follows_a_page_gets_to_its_end(page: Path, room: Path) -> None:
    needed = {block.reason for block in blocks(page) if block.mark == "needs"}
    assert len(needed) <= 1
    place = room / (needed.pop() if needed else page.name)
    if place.name != page.name and not place.exists():
        place.mkdir()
        follow(DOCS / "tutorials" / place.name, place)
    place.mkdir(exist_ok=True)
    follow(page, place)


def test_the_pages_that_are_followed_are_those_with_code() -> None:
    names = {page.name for page in TOGETHER}
    assert {"first-report.md", "medical-corpus.md", "read-the-report.md"} <= names
    assert ROOT / "docs" / "index.md" in RUN
