"""Probes of shipped suites: what a recipe says, and what is planned."""

import pytest

from gapless import assets
from gapless.errors import AssetError, DataError, RecipeError
from gapless.recipe import load
from gapless.records.fingerprint import FileHashes
from gapless.workflow.engine import Engine
from gapless.workflow.stage import Workplace
from gapless.workflow.tasks import read_tasks
from tests.workflow.world import make_world


@pytest.fixture
def tasks_of(tmp_path):
    path = make_world(tmp_path)

    def read(*probes):
        recipe = load(path, overrides=[f"probing.probes=[{', '.join(probes)}]"])
        place = Workplace(
            recipe_dir=tmp_path, root=tmp_path, hashes=FileHashes(tmp_path / "h"), engine=Engine()
        )
        return read_tasks(recipe, place)

    return read


def test_a_suite_is_all_its_tasks(tasks_of):
    folders = {path.name for path in assets.shipped("suite-medical").iterdir()}
    tasks = tasks_of("{type: suite, name: medical}")
    assert set(tasks) == folders
    assert {task.role for task in tasks.values()} == {"domain"}
    assert all(len(task.items) >= 300 for task in tasks.values())


def test_limit_tasks_and_role_choose_from_a_suite(tasks_of):
    (whole,) = tasks_of("{type: suite, name: general, tasks: [agreement]}").values()
    (part,) = tasks_of(
        "{type: suite, name: general, tasks: [agreement], limit: 64, role: domain}"
    ).values()
    assert part.items == whole.items[:64]
    assert len(whole.items) > 64
    assert (whole.role, part.role) == ("general", "domain")
    assert part.fingerprint != whole.fingerprint


def test_a_task_or_suite_that_is_not_there_is_refused_with_the_known_names(tasks_of):
    with pytest.raises(DataError, match=r"no task 'agrement'.*\n?.*Did you mean 'agreement'"):
        tasks_of("{type: suite, name: general, tasks: [agrement]}")
    with pytest.raises(DataError, match=r"last_words, .*word_order"):
        tasks_of("{type: suite, name: general, tasks: [zzz]}")
    with pytest.raises(RecipeError, match=r"classical-chinese.*general.*medical"):
        tasks_of("{type: suite, name: legal}")


def test_a_suite_that_must_be_fetched_says_how(tasks_of, tmp_path, monkeypatch):
    monkeypatch.setenv("GAPLESS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(AssetError, match="gapless assets fetch suite-abstracts"):
        tasks_of("{type: suite, name: abstracts}")


def test_a_suite_named_twice_has_two_probes_of_one_name(tasks_of):
    with pytest.raises(DataError, match="two probes are called"):
        tasks_of("{type: suite, name: medical}", "{type: suite, name: medical, limit: 8}")
