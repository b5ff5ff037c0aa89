from pathlib import Path

from gapless.records.journal import Journal


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "steps.jsonl")
    assert list(journal.rows()) == []
    journal.append({"step": 1}, {"step": 2, "text": "\u00e9\n"})
    journal.append({"step": 3})
    journal.sync()
    assert [row["step"] for row in journal.rows()] == [1, 2, 3]


def test_half_a_line_is_not_read_and_is_dropped_by_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"ste')
    journal = Journal(path)
    assert [row["step"] for row in journal.rows()] == [1, 2]
    journal.cut(lambda row: row["step"] <= 2)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_cut_drops_everything_from_the_first_refused_row(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "steps.jsonl")
    journal.append({"step": 1}, {"step": 2}, {"step": 3})
    journal.cut(lambda row: row["step"] != 2)
    assert [row["step"] for row in journal.rows()] == [1]
    journal.cut(lambda _: False)
    assert list(journal.rows()) == []
