"""Records that are conversations, in every format and file."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import read, write

from gapless.corpus import add_up, prepare_part
from gapless.errors import DataError
from gapless.recipe.chats import SHAPES, Chat
from gapless.recipe.cleanings import Cleaning
from gapless.recipe.schema import Source
from gapless.records.documents import read_columns
from gapless.records.fingerprint import of_text

ASKED = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A cell."}]
WITH_SYSTEM = [{"role": "system", "content": "Be brief."}, *ASKED]
TEXT = "User: What is it?\n\nAssistant: A cell."

RECORDS = {
    "messages": {"messages": ASKED},
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "What is it?"},
            {"from": "gpt", "value": "A cell."},
        ]
    },
    "alpaca": {"instruction": "What is it?", "input": "", "output": "A cell."},
    "prompt_completion": {"prompt": "What is it?", "completion": "A cell."},
    "question_answer": {"question": "What is it?", "answer": "A cell."},
}


def rows_of(tmp_path, records, **chat):
    return read(write(tmp_path, "a.jsonl", records), chat=Chat(**chat))


def test_every_format_has_a_record_here():
    assert RECORDS.keys() == SHAPES.keys()


@pytest.mark.parametrize("name", RECORDS)
def test_every_format_is_read_and_found_by_its_columns(tmp_path, name):
    for chosen in ("auto", name):
        (row,) = rows_of(tmp_path, [RECORDS[name] | {"other": 1}], format=chosen)
        assert (row["text"], row["problem"]) == (TEXT, None)
        assert json.loads(row["messages"]) == ASKED


@pytest.mark.parametrize("name", [name for name in RECORDS if name != "messages"])
def test_a_column_system_comes_first(tmp_path, name):
    for system, found in (("Be brief.", WITH_SYSTEM), (" ", ASKED), (None, ASKED)):
        (row,) = rows_of(tmp_path, [RECORDS[name] | {"system": system}])
        assert json.loads(row["messages"]) == found


def test_an_input_follows_its_instruction(tmp_path):
    (row,) = rows_of(tmp_path, [{"instruction": "Add.", "input": "1 1", "output": "2"}])
    assert row["text"] == "User: Add.\n\n1 1\n\nAssistant: 2"


def test_columns_may_have_other_names(tmp_path):
    columns = {"instruction": "task", "input": "context", "output": "reply"}
    record = {"task": "Add.", "context": "1 1", "reply": "2"}
    (row,) = rows_of(tmp_path, [record], format="alpaca", columns=columns)
    assert row["text"] == "User: Add.\n\n1 1\n\nAssistant: 2"


def test_a_prompt_and_a_completion_may_be_turns(tmp_path):
    (row,) = rows_of(tmp_path, [{"prompt": WITH_SYSTEM[:2], "completion": ASKED[1:]}])
    assert json.loads(row["messages"]) == WITH_SYSTEM


def test_roles_have_other_names_and_content_may_be_pieces_of_text(tmp_path):
    turns = [
        {"from": "developer", "value": "Be brief."},
        {
            "role": "Human",
            "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "is it?"}],
        },
        {"from": "observation", "value": ""},
        {"role": "model", "content": "A cell."},
    ]
    (row,) = rows_of(tmp_path, [{"messages": turns}])
    tool = {"role": "tool", "content": ""}
    assert json.loads(row["messages"]) == [*WITH_SYSTEM[:2], tool, ASKED[1]]


def test_turns_stay_as_they_are_written(tmp_path):
    turns = [
        {"role": "user", "content": " a\n"},
        {"role": "assistant", "content": "\n    return\n"},
    ]
    (row,) = rows_of(tmp_path, [{"messages": turns}])
    assert json.loads(row["messages"]) == turns


BAD = [
    [],
    {"role": "user"},
    "no json",
    "{}",
    3,
    [3],
    ["a"],
    [None],
    [[]],
    [{"content": "a"}],
    [{"role": "user"}],
    [{"role": "user", "content": None}],
    [{"role": "narrator", "content": "a"}],
    [{"role": 3, "content": "a"}],
    [{"role": "user", "content": 3}],
    [{"role": "user", "content": {"a": 1}}],
    [{"role": "user", "content": [{"type": "image", "image": "a"}]}],
    [{"role": "user", "content": ["a"]}],
    [{"role": "assistant", "content": None, "tool_calls": [{"name": "f"}]}],
    [{"role": "assistant", "content": "a", "tool_calls": [{"name": "f"}]}],
]


@pytest.mark.parametrize("turns", BAD, ids=json.dumps)
def test_what_is_no_conversation_is_a_problem_row_that_shows_it(tmp_path, turns):
    good, bad = rows_of(tmp_path, [RECORDS["messages"], {"messages": turns}])
    assert good["problem"] is None
    assert (bad["problem"], bad["messages"]) == ("bad_turn", None)
    assert json.loads(bad["text"]) == {"messages": turns}


def test_a_record_without_a_conversation_is_a_problem_row(tmp_path):
    records = [RECORDS["alpaca"], {"instruction": "a", "output": None}, {"text": "a"}]
    assert [row["problem"] for row in rows_of(tmp_path, records)] == [None, "no_turns", "no_turns"]
    chosen = rows_of(tmp_path, records, format="alpaca")
    assert [row["problem"] for row in chosen] == [None, "no_turns", "no_turns"]


def test_a_file_without_conversations_is_refused_with_its_columns(tmp_path):
    with pytest.raises(DataError, match="messages: messages; sharegpt") as caught:
        rows_of(tmp_path, [{"text": "a", "title": "b"}])
    assert "the columns are: text, title" in caught.value.what
    assert caught.value.where == "a.jsonl:1"
    with pytest.raises(DataError, match=r"\(alpaca: task and output\)"):
        rows_of(tmp_path, [RECORDS["alpaca"]], format="alpaca", columns={"instruction": "task"})


def test_two_formats_at_once_are_refused_unless_one_is_named(tmp_path):
    record = RECORDS["alpaca"] | RECORDS["messages"]
    with pytest.raises(DataError, match="messages and alpaca") as caught:
        rows_of(tmp_path, [record])
    assert "chat.format" in (caught.value.mend or "")
    (row,) = rows_of(tmp_path, [record], format="alpaca")
    assert row["problem"] is None
    (row,) = rows_of(tmp_path, [record | {"messages": None}])
    assert row["problem"] is None


@pytest.mark.parametrize("columns", [{"reply": "a"}, {"output": "a"}])
def test_only_columns_of_the_format_have_other_names(columns):
    with pytest.raises(ValueError, match=r"no column|give the format"):
        Chat(format="messages", columns=columns)
    with pytest.raises(ValueError, match="give the format"):
        Chat(columns=columns)


@pytest.mark.parametrize("name", RECORDS)
def test_tables_give_what_json_lines_give(tmp_path, name):
    records = [RECORDS[name] | {"id": n} for n in range(600)]
    table = pa.Table.from_pylist(records)
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as stream:
        stream.write_table(table)
    wanted = read(write(tmp_path, "a.jsonl", records), chat=Chat(), id="id")
    for row in wanted:
        row.pop("origin")
    for suffix in ("parquet", "arrow"):
        rows = read(tmp_path / f"a.{suffix}", chat=Chat(), id="id")
        for row in rows:
            row.pop("origin")
        assert rows == wanted
    assert len(wanted) == 600


def test_a_row_group_with_broken_text_has_one_problem_row(tmp_path):
    values = pa.array([b"What is it?", b"\xff"], pa.binary()).view(pa.string())
    table = pa.table({"question": values, "answer": ["A cell.", "a"]})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet", chat=Chat())
    assert [row["problem"] for row in rows] == [None, "broken_text"]


def test_csv_has_conversations_in_columns_or_as_json(tmp_path):
    path = write(tmp_path, "a.csv", "question,answer,system\nWhat is it?,A cell.,\nWhat?,,\n")
    good, bad = read(path, chat=Chat())
    assert (good["text"], good["problem"], bad["problem"]) == (TEXT, None, "no_turns")
    quoted = json.dumps(ASKED).replace('"', '""')
    (row,) = read(write(tmp_path, "b.csv", f'messages\n"{quoted}"\n'), chat=Chat())
    assert json.loads(row["messages"]) == ASKED


@pytest.mark.parametrize("suffix", ["txt", "html"])
def test_a_text_file_has_no_conversations(tmp_path, suffix):
    with pytest.raises(DataError, match="`chat`"):
        read(write(tmp_path, f"a.{suffix}", "<p>a</p>"), chat=Chat())


def test_half_a_surrogate_pair_is_repaired_in_text_and_messages(tmp_path):
    line = '{"question": "\\ud800?", "answer": "a"}\n'
    (row,) = read(write(tmp_path, "a.jsonl", line), chat=Chat())
    assert row["text"] == "User: \ufffd?\n\nAssistant: a"
    assert json.loads(row["messages"])[0]["content"] == "\ufffd?"


def prepared(tmp_path, records, *, chat=None, **cleaning):
    path = write(tmp_path, "talks.jsonl", records)
    source = Source(role="domain", path="talks.jsonl", chat=chat or Chat(), held_out=0)
    settings = Cleaning(**({"min_characters": 1, "keep_removed": True} | cleaning))
    out = tmp_path / "out"
    out.mkdir()
    counts = add_up([prepare_part(source, settings, [path], out, 0)], settings)
    return out, counts


def pair(question, answer):
    return {"question": question, "answer": answer}


def test_documents_are_readable_texts_that_keep_their_turns(tmp_path):
    out, counts = prepared(tmp_path, list(RECORDS.values()))
    found = read_columns(out, "id", "text", "messages", "origin")
    assert found["text"] == [TEXT] * 5
    assert found["id"] == [of_text(TEXT)] * 5
    assert [json.loads(each) for each in found["messages"]] == [ASKED] * 5
    assert found["origin"] == [f"talks.jsonl:{n}" for n in range(1, 6)]
    assert (counts["kept"], counts["removed"]) == (5, {})


def test_conversations_without_a_lesson_are_removed_with_a_reason(tmp_path):
    user, answer = ASKED
    records = [
        {"messages": ASKED},
        {"messages": [*ASKED, user]},
        {"messages": [user]},
        {"messages": [answer, user, answer]},
        {"messages": [user, {"role": "assistant", "content": " \n"}]},
        {"messages": [{"role": "user", "content": ""}, answer]},
        {"messages": [user, {"role": "tool", "content": ""}, answer]},
        {"messages": [{"role": "system", "content": " "}, *ASKED]},
        {"messages": [{"role": "assistant", "content": None}, *ASKED]},
    ]
    out, counts = prepared(tmp_path, records, max_bad_records=0.5)
    assert counts["removed"] == {
        "bad_turn": 1,
        "empty_turn": 2,
        "no_answer": 1,
        "no_question": 1,
    }
    kept = [json.loads(each) for each in read_columns(out, "messages")["messages"]]
    assert [[turn["role"] for turn in turns] for turns in kept] == [
        ["user", "assistant"],
        ["user", "assistant", "user"],
        ["user", "tool", "assistant"],
        ["user", "assistant"],
    ]


def test_a_cleaner_changes_turns_and_text_alike(tmp_path):
    address = "someone@hospital.fr"
    records = [pair(f"Write to {address}?", f"No: {address}."), pair("Plain", "words")]
    cleaners = [{"type": "mask_personal_data"}]
    out, counts = prepared(tmp_path, records, cleaners=cleaners)
    found = read_columns(out, "text", "messages", "id")
    assert address not in "".join(found["text"] + found["messages"])
    for text, messages, key in zip(found["text"], found["messages"], found["id"], strict=True):
        turns = json.loads(messages)
        assert text == f"User: {turns[0]['content']}\n\nAssistant: {turns[1]['content']}"
        assert key == of_text(text)
    assert counts["changed"] == {"mask_personal_data": 1}


def test_a_cleaner_judges_the_whole_conversation(tmp_path):
    records = [pair("What is it?", "A cell. " * 30), pair("Why?", "So.")]
    out, counts = prepared(tmp_path, records, min_characters=50)
    assert counts["removed"] == {"too_short": 1}
    assert len(read_columns(out, "text")["text"]) == 1


def test_sources_of_text_have_no_column_of_messages(tmp_path):
    path = write(tmp_path, "a.jsonl", [{"text": "A text."}])
    source = Source(role="domain", path="a.jsonl")
    prepare_part(source, Cleaning(min_characters=1), [path], tmp_path, 0)
    assert "messages" not in pq.read_schema(tmp_path / "documents-00000.parquet").names


def test_batches_of_any_size_keep_texts_and_turns_together(tmp_path):
    records = [pair(f"What is {n}?", f"It is {n} {'x' * (n % 97)}.") for n in range(3000)]
    out, _ = prepared(tmp_path, records)
    found = read_columns(out, "text", "messages")
    numbers = [int(json.loads(each)[0]["content"][8:-1]) for each in found["messages"]]
    assert np.array_equal(numbers, np.arange(3000))
    assert all(f"What is {n}?" in text for n, text in enumerate(found["text"]))
