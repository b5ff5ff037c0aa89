import pytest

from gapless.errors import DataError
from gapless.recipe.cleanings import Cleaning

LONG = "The cell wall is thick. "


def test_every_reason_and_the_first_that_fits(world):
    texts = [
        LONG,  # 24 characters
        " \u3000\t\r\n" * 10,
        LONG[:-1],
        LONG[:20] + "\x00\x01\ufffd\x85",
        LONG[:20] + "\n\t\r\n",
        "",
        "\ufffd",
    ]
    world.write("a.jsonl", [{"text": text} for text in texts])
    world.prepare("a.jsonl", cleaning=Cleaning(min_characters=24, max_broken_fraction=0.1))
    assert world.kept("text") == [texts[0], texts[4]]
    assert world.removed("origin", "reason") == [
        ("a.jsonl:2", "empty"),
        ("a.jsonl:3", "too_short"),
        ("a.jsonl:4", "broken_text"),
        ("a.jsonl:6", "empty"),
        ("a.jsonl:7", "too_short"),
    ]


def test_length_is_in_characters_and_not_in_bytes(world):
    world.write("a.jsonl", [{"text": "\u7ec6\u80de\u58c1"}, {"text": "\u7ec6\u80de\u58c1\u819c"}])
    world.prepare("a.jsonl", cleaning=Cleaning(min_characters=4))
    assert world.kept("text") == ["\u7ec6\u80de\u58c1\u819c"]


def test_a_text_at_the_limit_of_broken_characters_stays(world):
    world.write("a.jsonl", [{"text": "x" * 99 + "\ufffd"}, {"text": "x" * 98 + "\ufffd"}])
    world.prepare("a.jsonl")
    assert world.kept("origin") == ["a.jsonl:1"]
    assert world.removed("reason") == ["broken_text"]


def test_a_removed_text_shows_its_first_characters(world):
    world.write("a.jsonl", [{"text": "kept"}, {"text": "\u7ec6\ufffd" * 150}])
    world.prepare("a.jsonl")
    assert world.removed("beginning") == ["\u7ec6\ufffd" * 100]


def test_a_removed_text_is_kept_whole_where_the_recipe_says_so(world):
    world.write("a.jsonl", [{"text": "kept"}, {"text": "x" * 300}, {"text": None}])
    cleaning = Cleaning(min_characters=1, max_bad_records=1, keep_removed=True)
    world.write("b.jsonl", [{"text": "\ufffd" * 300}])
    world.prepare("*.jsonl", cleaning=cleaning)
    assert world.removed("text") == [None, "\ufffd" * 300]
    world.out = world.folder / "beginnings"
    world.prepare("*.jsonl")
    assert world.removed("text") == [None, None]
    assert world.removed("beginning") == [None, "\ufffd" * 200]


def test_too_many_bad_records_stop_the_run_and_few_do_not(world):
    lines = [b'{"text": "cell"}'] * 19 + [b"{broken"]
    world.write("a.jsonl", b"\n".join(lines))
    assert world.prepare("a.jsonl", cleaning=Cleaning(min_characters=1))["kept"] == 19
    world.write("b.jsonl", b"\n".join([*lines, b"[]"]))
    world.out = world.folder / "again"
    with pytest.raises(DataError) as caught:
        world.prepare("b.jsonl", cleaning=Cleaning(min_characters=1))
    assert "2 of 21 records cannot be read, more than 0.05" in caught.value.what
    assert "b.jsonl:20 (unreadable_line), b.jsonl:21 (unreadable_line)" in caught.value.what


def test_a_hopeless_file_is_given_up_early(world):
    world.write("a.jsonl", b"{broken\n" * 100_000)
    with pytest.raises(DataError, match="cannot be read") as caught:
        world.prepare("a.jsonl", cleaning=Cleaning(min_characters=1))
    assert " of 100,000 " not in caught.value.what


def test_cleaners_work_in_their_order_and_what_they_change_is_counted(world):
    texts = [
        "Write to anna@lab.org about the cells in the dish, please. " * 2,
        "l\u0061\u0308 " * 40,
    ]
    world.write("a.jsonl", [{"text": text} for text in texts])
    cleaning = Cleaning(cleaners=({"type": "unicode"}, {"type": "mask_personal_data"}))
    facts = world.prepare("a.jsonl", cleaning=cleaning)
    assert facts["changed"] == {"mask_personal_data": 1, "unicode": 1}
    assert "anna@lab.org" not in world.kept("text")[0]
    assert world.kept("text")[1] == "l\u00e4 " * 40
