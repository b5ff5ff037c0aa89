"""What the README shows is there and works."""

import re
from pathlib import Path

import pytest
import yaml

from gapless.recipe import arms, decode

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    for link in links:
        if "://" not in link:
            assert (page.parent / link).exists(), link


RECIPES = [
    (page, block)
    for page in PAGES
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "block"), RECIPES, ids=[page.name for page, _ in RECIPES])
def test_the_recipes_of_the_pages_decode(page: Path, block: str) -> None:
    assert arms(decode(yaml.safe_load(block)))


def test_the_readme_shows_a_recipe() -> None:
    assert any(page.name == "README.md" for page, _ in RECIPES)


def test_every_verb_of_the_command_line_is_in_the_readme_and_back() -> None:
    from gapless.cli.main import app

    verbs = {command.name for command in app.registered_commands}
    verbs |= {group.name for group in app.registered_groups}
    shown = set(re.findall(r"`gapless ([a-z]+)", README))
    assert shown == verbs


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
    assert targets == {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
