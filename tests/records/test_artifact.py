from pathlib import Path

import pytest

from gapless.errors import RunError
from gapless.records import artifact
from gapless.records.artifact import ArtifactFolder, Manifest, write_text


def make(folder: ArtifactFolder) -> None:
    with folder.fresh() as partial:
        (partial / "data").write_text("x")
        folder.commit(
            Manifest(stage="tokens", version=1, fingerprint="f" * 32, inputs={}, facts={"n": 1})
        )


def test_a_committed_folder_exists_with_its_facts(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, "tokens", "f" * 32)
    assert not folder.exists()
    make(folder)
    assert folder.exists()
    assert folder.manifest().facts == {"n": 1}
    assert not folder.partial_path.exists()


def test_a_folder_without_its_manifest_does_not_exist(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, "tokens", "f" * 32)
    folder.path.mkdir()
    (folder.path / "data").write_text("x")
    assert not folder.exists()


def test_failed_work_leaves_nothing(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, "tokens", "f" * 32)
    with pytest.raises(KeyboardInterrupt), folder.fresh() as partial:
        (partial / "data").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_leftover_of_a_killed_process_is_swept_away(tmp_path: Path) -> None:
    folder = ArtifactFolder(tmp_path, "tokens", "f" * 32)
    folder.partial_path.mkdir()
    (folder.partial_path / "old").write_text("half")
    make(folder)
    assert sorted(p.name for p in folder.path.iterdir()) == ["data", "manifest.json"]


@pytest.mark.parametrize("text", ["{", '{"stage": 1}', '"a"'])
def test_a_broken_manifest_is_a_plain_error(tmp_path: Path, text: str) -> None:
    folder = ArtifactFolder(tmp_path, "tokens", "f" * 32)
    make(folder)
    (folder.path / "manifest.json").write_text(text)
    with pytest.raises(RunError, match="cannot be read") as caught:
        folder.manifest()
    assert "Delete the folder" in str(caught.value)


def test_a_folder_of_another_origin_is_refused(tmp_path: Path) -> None:
    make(ArtifactFolder(tmp_path, "tokens", "f" * 32))
    with pytest.raises(RunError, match="another origin"):
        ArtifactFolder(tmp_path, "tokens", "f" * 31 + "0").manifest()


def test_text_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    path.write_text("old")
    write_text(path, "neu \u00e9")
    assert path.read_text(encoding="utf-8") == "neu \u00e9"
    assert [p.name for p in tmp_path.iterdir()] == ["tree.json"]


def test_an_artifact_is_taken_over_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    theirs, ours = tmp_path / "theirs", ArtifactFolder(tmp_path / "ours", "tokens", "f" * 32)
    assert not ours.adopt(theirs)
    make(ArtifactFolder(theirs, "tokens", "f" * 32))

    def deleted_meanwhile(_: Path, target: Path) -> None:
        raise FileNotFoundError(target)

    with monkeypatch.context() as patch:
        patch.setattr(artifact, "link", deleted_meanwhile)
        assert not ours.adopt(theirs)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):

        def on_a_full_disk(_: Path, target: Path) -> None:
            raise OSError(28, "the disk is full", str(target))

        patch.setattr(artifact, "link", on_a_full_disk)
        ours.adopt(theirs)
    assert not ours.partial_path.exists()
    assert ours.adopt(theirs)
    assert ours.manifest().facts == {"n": 1}
    assert (ours.path / "data").read_text() == "x"
