import pytest

from gapless.corpus import source_files
from gapless.errors import DataError


@pytest.fixture
def folder(tmp_path):
    names = ["b.jsonl", "a.parquet", "deep/c.txt", "deep/er/d.NDJSON.GZ", "deep/notes.pdf"]
    for name in [*names, ".hidden/e.txt", "deep/.f.txt", "x[1].md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def names(files, folder):
    return [str(file.relative_to(folder)) for file in files]


def test_a_folder_gives_the_known_files_at_any_depth_sorted(folder):
    found = names(source_files(["."], folder), folder)
    assert found == ["a.parquet", "b.jsonl", "deep/c.txt", "deep/er/d.NDJSON.GZ", "x[1].md"]


def test_a_glob_is_sorted_and_takes_only_known_files(folder):
    assert names(source_files(["deep/*"], folder), folder) == ["deep/c.txt", "deep/er/d.NDJSON.GZ"]
    assert names(source_files(["**/*.txt"], folder), folder) == ["deep/c.txt"]


def test_paths_keep_their_turn_and_each_file_comes_once(folder):
    files = source_files(["deep", str(folder / "b.jsonl"), "*.jsonl", "deep/../b.jsonl"], folder)
    assert [file.name for file in files] == ["c.txt", "d.NDJSON.GZ", "b.jsonl"]


def test_a_name_with_glob_signs_is_taken_as_it_is(folder):
    assert names(source_files(["x[1].md"], folder), folder) == ["x[1].md"]


def test_a_link_back_to_its_own_folder_is_not_followed(folder):
    (folder / "deep" / "loop").symlink_to(folder)
    assert len(source_files(["."], folder)) == 5


def failure(paths, folder):
    with pytest.raises(DataError) as caught:
        source_files(paths, folder)
    return caught.value


def test_a_missing_file_is_named_with_the_nearest_names(folder):
    error = failure(["deep/d.txt"], folder)
    assert error.where == "deep/d.txt"
    assert error.what == f"there is no such file or folder (looked for {folder}/deep/d.txt)"
    assert error.mend == f"The nearest names in {folder}/deep: c.txt."


def test_a_missing_folder_is_looked_for_from_the_top(folder):
    error = failure(["dep/er/d.jsonl"], folder)
    assert error.mend == f"The nearest names in {folder}: deep."


def test_what_is_there_is_shown_when_nothing_is_near(folder):
    error = failure(["deep/er/qqqqqqq"], folder)
    assert error.mend == f"The nearest names in {folder}/deep/er: d.NDJSON.GZ."
    (folder / "void").mkdir()
    assert failure(["void/a.txt"], folder).mend == f"The folder {folder}/void is empty."


def test_a_glob_that_fits_nothing(folder):
    error = failure(["*.json"], folder)
    assert error.what == f"no file fits this pattern (looked for {folder}/*.json)"
    assert error.where == "*.json"


def test_an_unknown_format_lists_the_known_ones(folder):
    error = failure(["deep/notes.pdf"], folder)
    assert error.what == "the file's format is unknown"
    assert error.mend == (
        "Files are read by the end of their name: .jsonl, .jsonl.gz, .jsonl.zst, .ndjson, "
        ".ndjson.gz, .ndjson.zst, .csv, .csv.gz, .csv.zst, .tsv, .tsv.gz, .tsv.zst, .parquet, "
        ".arrow, .txt, .md, .html, .htm."
    )
    (folder / "deep" / "c.txt").unlink()
    (folder / "deep" / "er" / "d.NDJSON.GZ").unlink()
    (folder / "deep" / "er" / "plain").write_text("")
    error = failure(["deep"], folder)
    assert error.what == "none of its 2 files has a known format (1 x .pdf, 1 x no suffix)"


def test_an_empty_folder(tmp_path):
    assert failure(["."], tmp_path).what == "there are no files in it"
