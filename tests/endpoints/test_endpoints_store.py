"""Answers are there when `put` has returned, once, whoever writes."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from gapless.endpoints import Answer, Answers
from gapless.errors import DataError


def answer(number: int, text: str = "yes") -> Answer:
    return Answer(f"{number:032x}", text, "stop", "m", number, -1)


def test_an_answer_comes_back_as_it_was(answers: Answers, tmp_path: Path) -> None:
    text = "a\x00b\n\u6c34\U0001f600\ufffd"
    kept = Answer("k", text, "refused", "m/1", 2**52, -1, "because")
    assert not answers.has("k")
    assert answers.get("k") is None
    assert answers.put(kept)
    assert answers.has("k")
    assert answers.get("k") == kept
    answers.close()
    with Answers(tmp_path / "answers.sqlite") as again:
        assert again.get("k") == kept


def test_the_first_answer_stays(answers: Answers) -> None:
    assert answers.put(answer(1, "first"))
    assert not answers.put(answer(1, "second"))
    assert answers.put_all([answer(1), answer(2), answer(2), answer(3)]) == 2
    assert answers.get_all([answer(1).key]) == {answer(1).key: answer(1, "first")}
    assert len(answers) == 3


def test_many_are_looked_up_at_once(answers: Answers) -> None:
    answers.put_all(answer(n) for n in range(0, 3000, 2))
    keys = [answer(n).key for n in range(3000)]
    assert answers.known(keys) == set(keys[::2])
    assert answers.get_all(keys) == {keys[n]: answer(n) for n in range(0, 3000, 2)}
    assert answers.known([]) == set()


def test_counts_are_by_how_answers_ended(answers: Answers) -> None:
    assert answers.counts() == {}
    answers.put_all([answer(1), answer(2), Answer("r", "", "refused", "m", 0, 0, "no")])
    assert answers.counts() == {"refused": 1, "stop": 2}


def test_a_note_takes_the_place_of_the_one_before(answers: Answers) -> None:
    assert answers.note("n") is None
    answers.put_note("n", "yes")
    answers.put_note("n", "no")
    assert answers.note("n") == "no"


def damaged(path: Path) -> None:
    with Answers(path) as store:
        store.put_all(answer(n, "x" * 500) for n in range(500))
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def foreign(path: Path) -> None:
    file = sqlite3.connect(path)
    file.execute("CREATE TABLE answers (x)")
    file.commit()
    file.close()


def later(path: Path) -> None:
    Answers(path).close()
    file = sqlite3.connect(path)
    file.execute("PRAGMA user_version = 99")
    file.close()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.write_text("documents\n" * 1000), "file is not a database"),
        (Path.mkdir, "it is a folder"),
        (foreign, "another program has written it"),
        (later, "a later version of gapless has written it"),
        (damaged, "malformed|not a database|corrupt"),
    ],
    ids=["text", "folder", "foreign", "later", "damaged"],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, make: object, what: str, read_only: bool
) -> None:
    path = tmp_path / "store"
    make(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DataError, match=what) as caught:
        Answers(path, read_only=read_only).get_all([answer(n).key for n in range(500)])
    assert caught.value.where == str(path)
    assert caught.value.mend
    assert before is None or path.read_bytes() == before


def test_to_read_only_a_store_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unable to open"):
        Answers(tmp_path / "none", read_only=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").touch()
    with pytest.raises(DataError, match="no such table"):
        Answers(tmp_path / "empty", read_only=True)


def test_a_reader_sees_what_a_writer_adds_and_writes_nothing(
    answers: Answers, tmp_path: Path
) -> None:
    with Answers(tmp_path / "answers.sqlite", read_only=True) as reader:
        answers.put(answer(1))
        assert reader.get(answer(1).key) == answer(1)
        with pytest.raises(DataError, match="readonly"):
            reader.put(answer(2))


READ = """
import os, sys
from pathlib import Path
from gapless.endpoints import Answers
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(len(Answers(Path(sys.argv[1]), read_only=True)))
"""


def test_a_store_is_read_where_nothing_can_be_written() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        with Answers(folder / "store") as store:
            store.put(answer(1))
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        (folder / "store").chmod(stat.S_IRUSR | stat.S_IROTH)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(folder / "store")],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if "PermissionError" in done.stderr or "ModuleNotFoundError" in done.stderr:
            pytest.skip("another user cannot read this Python")
        assert done.stdout == "1\n", done.stderr
    finally:
        folder.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


WRITE = """
import sys
from pathlib import Path
from gapless.endpoints import Answer, Answers
first, step, number = map(int, sys.argv[2:])
with Answers(Path(sys.argv[1])) as store:
    new = 0
    for n in range(first, first + number * step, step):
        new += store.put(Answer(f"{n:032x}", sys.argv[2] * 50, "stop", "m", n, -1))
        print(n, flush=True)
    print("new", new)
"""


def writer(path: Path, *numbers: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(path), *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_that_write_the_same_answers_keep_each_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store"
    writers = [writer(path, first, 1, 200) for first in (0, 100)]
    ends = [process.communicate(timeout=60)[0].split()[-1] for process in writers]
    assert [process.returncode for process in writers] == [0, 0]
    assert sum(map(int, ends)) == 300
    with Answers(path) as store:
        assert len(store) == 300
        mine = store.get_all([f"{n:032x}" for n in range(300)])
        assert {a.text for a in mine.values()} == {"0" * 50, "100" * 50}


def test_a_killed_writer_loses_nothing_it_was_told_is_kept(tmp_path: Path) -> None:
    process = writer(tmp_path / "store", 0, 1, 10**9)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    process.wait()
    with Answers(tmp_path / "store") as store:
        keys = [f"{n:032x}" for n in told]
        assert len(told) >= 50
        assert store.known(keys) == set(keys)
        assert len(store) <= len(told) + 1


def test_threads_share_a_store(answers: Answers) -> None:
    def write(first: int) -> None:
        for n in range(first, 200, 4):
            answers.put(answer(n))
            assert answers.has(answer(n).key)

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200


def test_stores_opened_at_once_for_the_first_time_are_one(tmp_path: Path) -> None:
    opened: list[Answers] = []
    start = threading.Barrier(8)

    def open_it() -> None:
        start.wait()
        opened.append(Answers(tmp_path / "store"))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for number, store in enumerate(opened):
        store.put(answer(number))
    assert {len(store) for store in opened} == {8}
    for store in opened:
        store.close()
