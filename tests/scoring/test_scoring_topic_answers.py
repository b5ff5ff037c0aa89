"""The annotator's prompt, what its answers mean, and the sample it sees."""

import numpy as np
import pytest

from gapless.errors import DataError
from gapless.recipe.scores import PAPER_2_TOPICS
from gapless.scoring.topics import draw_sample, read_labels
from gapless.scoring.topics.prompt import ask, is_chinese, read_answer

TOPICS = ("Law", "Law and Policy", "Medicine & Health", "Others")
CHINESE = "\u7ec6\u80de\u58c1\u652f\u6301\u7740\u7ec6\u80de\u3002DNA"
JAPANESE = "\u7d30\u80de\u58c1\u306f\u7d30\u80de\u3092\u652f\u3048\u3066\u3044\u307e\u3059"


@pytest.mark.parametrize(
    ("answer", "topic"),
    [
        ("Law", "Law"),
        ("  law.\n", "Law"),
        ("**Law and Policy**", "Law and Policy"),
        ("LAW & POLICY", "Law and Policy"),
        ("medicine and health", "Medicine & Health"),
        ("Topic: Law and Policy", "Law and Policy"),
        ('{"topic": "Medicine & Health"}', "Medicine & Health"),
        ("The most related topic is law, I think.", "Law"),
        ("<think>Law or Others? Law.</think>\n\nOthers", "Others"),
        ("\u4e3b\u9898\u662fLaw\u3002", "Law"),
    ],
)
def test_an_answer_that_names_one_topic_counts(answer, topic) -> None:
    assert read_answer(answer, TOPICS) == (topic, "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        (" \n.", "empty"),
        ("<think>It could be Law", "empty"),
        ("Chemistry", "no_topic"),
        ("Lawful behaviour", "no_topic"),
        ("Law, or Others", "several_topics"),
        ("Law and Policy; Law", "several_topics"),
    ],
)
def test_any_other_answer_is_rejected_with_its_reason(answer, reason) -> None:
    assert read_answer(answer, TOPICS) == (None, reason)


def test_every_topic_of_paper_2_is_understood_bare_and_in_a_sentence() -> None:
    for topic in PAPER_2_TOPICS:
        assert read_answer(topic, PAPER_2_TOPICS) == (topic, "")
        assert read_answer(f"It is: {topic.upper()}!", PAPER_2_TOPICS) == (topic, "")


def test_chinese_names_are_found_without_spaces_around_them() -> None:
    law, medicine = "\u6cd5\u5f8b", "\u533b\u5b66"
    answer = f"\u8fd9\u7bc7\u6587\u7ae0\u5c5e\u4e8e{medicine}\u3002"
    assert read_answer(answer, (law, medicine)) == (medicine, "")


def test_the_prompt_lists_the_topics_and_speaks_the_document_s_language() -> None:
    english, chinese = ask(TOPICS, "A {topics} {document} text"), ask(TOPICS, CHINESE)
    assert "<document>\nA {topics} {document} text\n</document>" in english
    assert f"<document>\n{CHINESE}\n</document>" in chinese
    for prompt in (english, chinese):
        assert "\n".join(f"- {topic}" for topic in TOPICS) in prompt
    assert not is_chinese(english)
    assert is_chinese(chinese.partition("<document>")[0].replace("Law and Policy", ""))


def test_chinese_is_neither_english_nor_japanese_nor_nothing() -> None:
    assert is_chinese(CHINESE)
    assert not any(map(is_chinese, ("The cell wall", JAPANESE, "", "12 34", "a\u7ec6bc")))


def test_the_sample_is_even_over_sources_and_small_ones_give_all() -> None:
    sizes = {"web": 10_000, "law": 7, "code": 500}
    sample = draw_sample(sizes, 100, seed=3)
    assert {name: len(chosen) for name, chosen in sample.items()} == {
        "web": 47,
        "law": 7,
        "code": 46,
    }
    for name, chosen in sample.items():
        assert np.all(np.diff(chosen) > 0)
        assert chosen[0] >= 0
        assert chosen[-1] < sizes[name]


def test_the_sample_is_all_there_is_when_too_much_is_asked() -> None:
    sample = draw_sample({"a": 3, "b": 0, "c": 2}, 50, seed=0)
    assert {name: chosen.tolist() for name, chosen in sample.items()} == {
        "a": [0, 1, 2],
        "b": [],
        "c": [0, 1],
    }


def test_a_larger_sample_contains_the_smaller_and_sources_do_not_disturb_each_other() -> None:
    small = draw_sample({"a": 5000, "b": 5000}, 20, seed=1)
    large = draw_sample({"a": 5000, "b": 5000}, 4000, seed=1)
    assert set(small["a"]) < set(large["a"])
    assert small["a"].tolist() == draw_sample({"a": 5000}, 10, seed=1)["a"].tolist()
    assert small["a"].tolist() != draw_sample({"a": 5000}, 10, seed=2)["a"].tolist()


def test_labels_are_read_with_other_keys_and_empty_lines(tmp_path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "a", "topic": "Law", "id": 3}\n\n{"text": "b", "topic": "Others"}\n')
    assert read_labels(path, TOPICS) == (["a", "b"], ["Law", "Others"])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[1]", "no text"),
        ('{"topic": "Law"}', "no text"),
        ('{"text": "a"}', "None is not one of"),
        ('{"text": "a", "topic": "law"}', "'law' is not one of"),
    ],
)
def test_a_wrong_label_is_named_by_its_line(tmp_path, line, what) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "a", "topic": "Law"}\n' + line + "\n")
    with pytest.raises(DataError, match=what) as caught:
        read_labels(path, TOPICS)
    assert caught.value.where == f"{path}:2"


def test_no_file_and_an_empty_file_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl", TOPICS)
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="no label"):
        read_labels(tmp_path / "empty.jsonl", TOPICS)
