"""Text is worked on here, in processes and on a cluster, with the same bytes as the answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gapless.errors import DataError, RunError
from gapless.workflow import engine as engines
from gapless.workflow.engine import Engine
from tests.workflow.world import make_world

TASKS = [(number, "x" * number) for number in range(7)]


def describe(number: int, text: str) -> tuple[int, str, int]:
    return number, text, os.getpid()


def refuse(number: int) -> int:
    if number == 2:
        raise DataError("the second is bad", where="here:2", mend="Leave it out.")
    return number


@pytest.fixture
def in_processes(monkeypatch) -> Engine:
    monkeypatch.setattr(engines, "_cores", lambda: 2)
    return Engine()


def test_the_answers_come_in_the_order_of_the_tasks(in_processes):
    answers = in_processes.map(describe, TASKS, num_bytes=1 << 40)
    assert [answer[:2] for answer in answers] == TASKS
    assert os.getpid() not in {answer[2] for answer in answers}


def test_little_work_is_done_right_here(in_processes):
    assert {a[2] for a in in_processes.map(describe, TASKS, num_bytes=100)} == {os.getpid()}
    assert in_processes.map(describe, [], num_bytes=0) == []


def test_a_mistake_found_in_another_process_is_told_as_if_it_were_here(in_processes):
    with pytest.raises(DataError) as caught:
        in_processes.map(refuse, [(number,) for number in range(4)], num_bytes=1 << 40)
    assert (caught.value.what, caught.value.where) == ("the second is bad", "here:2")
    assert caught.value.mend == "Leave it out."


@pytest.mark.parametrize("address", ["", "127.0.0.1:1", "nonsense"])
def test_without_a_cluster_the_error_says_how_to_start_one(monkeypatch, address):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(RunError, match="cluster") as caught:
        Engine("ray").map(describe, TASKS, num_bytes=1)
    assert "ray start --head" in str(caught.value)


ON_A_CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster()
for _ in range(2):
    cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
import os
os.environ["RAY_ADDRESS"] = cluster.address
import ray
from gapless.workflow import verbs
verbs.run(sys.argv[1], overrides=["engine=ray", *sys.argv[2:]], until="scores")
assert len(ray.nodes()) == 2, ray.nodes()
ray.shutdown()
cluster.shutdown()
"""


def artifacts(folder: Path) -> dict[str, bytes]:
    root = folder / "runs" / "tiny" / "artifacts"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_cluster_of_two_gives_the_bytes_of_this_machine(tmp_path):
    pytest.importorskip("ray")
    overrides = [
        "deduplication={near: {}, paragraphs: {min_characters: 20}}",
        "scores={long: {type: length}, again: {type: repetition, ngram: 2}}",
        "sources.medicine.path=[medicine.jsonl, more.jsonl]",
    ]
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        make_world(folder)
        more = (folder / "prose.jsonl").read_text().splitlines()[:20]
        (folder / "more.jsonl").write_text("\n".join(more))
    here, there = (str(folder / "recipe.yaml") for folder in folders)
    from gapless.workflow import verbs

    verbs.run(here, overrides=overrides, until="scores")
    command = [sys.executable, "-c", ON_A_CLUSTER, there, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = map(artifacts, folders)
    assert any("scores" in name for name in first)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
