import json

import pytest
from reading import write

from gapless.corpus.resolve import source_files
from gapless.errors import DataError


def found(folder, *paths):
    return [str(file.relative_to(folder)) for file in source_files(paths or ["."], folder)]


def save(folder, split, files):
    """Write what ``datasets.save_to_disk`` writes beside the data."""
    state = {"_data_files": [{"filename": name} for name in files], "_split": split}
    write(folder, f"{split}/state.json", json.dumps(state))
    write(folder, f"{split}/dataset_info.json", "{}")
    for name in [*files, "cache-0a1b.arrow"]:
        write(folder, f"{split}/{name}", "")


def test_a_saved_data_set_gives_the_files_that_its_state_names(tmp_path):
    write(tmp_path, "dataset_dict.json", '{"splits": ["test", "train"]}')
    save(tmp_path, "train", ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"])
    save(tmp_path, "test", ["data-00000-of-00001.arrow"])
    write(tmp_path, "train/old.arrow", "")
    assert found(tmp_path) == [
        "test/data-00000-of-00001.arrow",
        "train/data-00000-of-00002.arrow",
        "train/data-00001-of-00002.arrow",
    ]
    assert found(tmp_path, "train") == found(tmp_path)[1:]
    assert found(tmp_path, "train/d*.arrow") == found(tmp_path)[1:]
    assert found(tmp_path, "test/*.arrow") == found(tmp_path)[:1]


def test_a_file_of_the_state_that_is_not_there_is_named(tmp_path):
    save(tmp_path, "train", ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"])
    (tmp_path / "train" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(DataError, match=r"state.json: the file data-00001-of-00002.arrow is not"):
        found(tmp_path)


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"_data_files": [{}]}', '{"_data_files": 1}'])
def test_a_state_that_cannot_be_read_is_an_error(tmp_path, state):
    save(tmp_path, "train", [])
    write(tmp_path, "train/state.json", state)
    with pytest.raises(DataError, match="the list of the data set's files cannot be read"):
        found(tmp_path)


def test_a_folder_of_the_hub_gives_its_tables_and_not_the_papers_about_them(tmp_path):
    names = [
        "README.md",
        "Readme.de.MD",
        "LICENSE.txt",
        "LICENSE",
        "data-card.html",
        "dataset.json",
    ]
    for name in [*names, "data/train.jsonl.gz", "data/more.txt", "data/readme-too.md"]:
        write(tmp_path, name, "")
    assert found(tmp_path) == ["data/more.txt", "data/readme-too.md", "data/train.jsonl.gz"]
    assert found(tmp_path, "*") == found(tmp_path)


def test_papers_are_documents_where_there_are_only_texts_and_where_they_are_named(tmp_path):
    for name in ["README.md", "poem.txt", "data/a.csv"]:
        write(tmp_path, name, "")
    assert found(tmp_path, "*.*") == ["README.md", "poem.txt"]
    assert found(tmp_path, "README.md", "data") == ["README.md", "data/a.csv"]
