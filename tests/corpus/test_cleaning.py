from gapless.recipe.schema import Cleaning

LONG = "The cell wall is thick. "


def test_every_reason_and_the_first_that_fits(world):
    texts = [
        LONG,  # 24 characters
        " \u3000\t\r\n" * 10,
        LONG[:-1],
        LONG[:20] + "\x00\x01\ufffd\x85",
        LONG[:20] + "\n\t\r\n",
        LONG,
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
        ("a.jsonl:6", "duplicate"),
        ("a.jsonl:7", "empty"),
        ("a.jsonl:8", "too_short"),
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
    world.write("a.jsonl", [{"text": "kept"}, {"text": "\u7ec6" * 250}, {"text": "\u7ec6" * 250}])
    world.prepare("a.jsonl")
    assert world.removed("beginning") == ["\u7ec6" * 200]


def test_duplicates_are_equal_byte_for_byte_over_files_and_only_the_first_stays(world):
    world.write("b.jsonl", [{"text": "cell", "id": 3}, {"text": "cell ", "id": 4}])
    world.write("a.jsonl", [{"text": "cell", "id": 1}, {"text": "Cell", "id": 1}])
    world.prepare("a.jsonl", "b.jsonl", id="id")
    assert world.kept("text", "work", "origin") == [
        ("cell", "1", "a.jsonl:1"),
        ("Cell", "1", "a.jsonl:2"),
        ("cell ", "4", "b.jsonl:2"),
    ]
    assert world.removed("work", "origin", "reason") == [("3", "b.jsonl:1", "duplicate")]


def test_a_removed_document_makes_no_duplicate_of_a_later_one(world):
    world.write("a.jsonl", [{"text": "cell", "id": 0.5}, {"text": "cell", "id": 1}])
    world.prepare("a.jsonl", id="id")
    assert world.kept("origin") == ["a.jsonl:2"]


def test_duplicates_can_be_kept(world):
    world.write("a.jsonl", [{"text": "cell"}] * 3)
    cleaning = Cleaning(min_characters=1, remove_duplicates=False)
    assert world.prepare("a.jsonl", cleaning=cleaning)["kept"] == 3
