import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gapless.records import fingerprint
from gapless.records.documents import is_held_out
from gapless.records.fingerprint import FileHashes

FRACTIONS = st.floats(0, 1)


def test_the_order_of_keys_is_no_difference_and_values_are() -> None:
    one = fingerprint.of_value({"a": 1, "b": [1, 2]})
    assert one == fingerprint.of_value({"b": [1, 2], "a": 1})
    assert one != fingerprint.of_value({"b": [2, 1], "a": 1})
    assert fingerprint.of_value(1) != fingerprint.of_value("1")


def test_a_file_is_its_content_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "a.txt").write_text("same")
    (tmp_path / "x/b.txt").write_text("same")
    hashes = FileHashes()
    assert hashes.of_file(tmp_path / "a.txt") == hashes.of_file(tmp_path / "x/b.txt")


def test_a_remembered_hash_follows_a_change(tmp_path: Path) -> None:
    path, memory = tmp_path / "a.txt", tmp_path / "hashes.json"
    path.write_text("one")
    hashes = FileHashes(memory)
    first = hashes.of_file(path)
    hashes.save()
    assert FileHashes(memory).of_file(path) == first
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    assert FileHashes(memory).of_file(path) != first


def test_a_broken_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "hashes.json").write_text("{")
    hashes = FileHashes(tmp_path / "hashes.json")
    assert hashes.of_file(tmp_path / "a.txt") == FileHashes().of_file(tmp_path / "a.txt")


@given(st.text(max_size=30), FRACTIONS, FRACTIONS)
def test_a_larger_fraction_holds_out_the_same_works_and_more(
    work: str, one: float, other: float
) -> None:
    small, large = sorted([one, other])
    assert is_held_out(work, large) >= is_held_out(work, small)
    assert not is_held_out(work, 0)
    assert is_held_out(work, 1)


def test_the_fraction_is_about_right() -> None:
    held_out = sum(is_held_out(f"work {i}", 0.04) for i in range(20_000))
    assert 700 < held_out < 900
