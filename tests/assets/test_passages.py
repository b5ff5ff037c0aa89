from gapless.assets.passages import cut, group, numbered, slug, tidy, unwrap


def test_tidy_normalises_and_drops_debris():
    assert (
        tidy("cafe\u0301\u00a0au\u00ad lait \r\n\r\n\r\n\r\nnext\x00")
        == "caf\u00e9 au lait\n\nnext"
    )


def test_unwrap_joins_lines_of_a_paragraph():
    assert unwrap("one\n  two\n\n \nthree\n") == ["one two", "three"]


def test_cut_keeps_every_paragraph_in_order_and_passages_short():
    paragraphs = [f"{i} " + "word " * 40 for i in range(50)]
    passages = list(cut(paragraphs, target=900, longest=1200))
    assert "\n\n".join(passages) == "\n\n".join(paragraphs)
    assert len(passages) > 5
    assert max(map(len, passages)) <= 1200


def test_cut_splits_one_long_paragraph_at_sentences():
    sentence = "This sentence has some words in it. "
    passages = list(cut([(sentence * 100).strip()], target=500, longest=600))
    assert all(p.startswith("This sentence") and p.endswith("it.") for p in passages)
    assert sum(p.count("This sentence") for p in passages) == 100


def test_numbered_joins_a_short_tail_and_keeps_the_key_of_a_single_passage():
    assert [e.id for e in numbered("book/ch-1", ["a" * 1000, "b" * 1000])] == [
        "book/ch-1/1",
        "book/ch-1/2",
    ]
    assert [e.id for e in numbered("book/ch-2", ["a" * 1000, "tail"])] == ["book/ch-2"]


def test_group_names_the_first_and_last_headword():
    entries = list(group("dict", [("a", "x" * 60), ("b", "y" * 60), ("c", "z")], size=100))
    assert [e.id for e in entries] == ["dict/a..b", "dict/c..c"]
    assert entries[0].text == "x" * 60 + "\n\n" + "y" * 60


def test_slug():
    assert slug("On June 20, 2011: a case!", 4) == "on-june-20-2011"
