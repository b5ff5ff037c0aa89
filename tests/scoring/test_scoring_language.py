"""Language codes: the model in the wheel, short texts, and a list to choose among."""

import pyarrow as pa
import pytest

from gapless.errors import DataError
from gapless.scoring.language import LanguageScorer

ENGLISH = "The cell wall holds the cell together, and the cell divides when it has grown enough."
CHINESE = (
    "\u7ec6\u80de\u58c1\u652f\u6301\u7740\u7ec6\u80de\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d"
    "\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u3002"
)


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, type=pa.large_string())


def test_english_and_chinese_are_told_apart_and_the_same_each_time() -> None:
    texts = array(ENGLISH, CHINESE, ENGLISH)
    first, again = LanguageScorer()(texts), LanguageScorer()(texts)
    assert first[""].to_pylist() == ["en", "zh", "en"]
    assert all(value > 0.5 for value in first["_confidence"].to_pylist())
    assert {key: column.to_pylist() for key, column in first.items()} == {
        key: column.to_pylist() for key, column in again.items()
    }


def test_a_text_that_shows_no_language_has_none() -> None:
    found = LanguageScorer()(array("", "12 34 56", ENGLISH))
    assert found[""].to_pylist() == [None, None, "en"]
    assert found["_confidence"].to_pylist()[:2] == [None, None]


def test_only_the_beginning_is_read() -> None:
    long = (ENGLISH + " ") * 20
    found = LanguageScorer()(array(long, long + CHINESE * 500))
    assert len(long) > 1000
    assert found["_confidence"][0] == found["_confidence"][1]


def test_among_limits_the_choice() -> None:
    hard = array("The cell divides.")  # too terse for 140 languages
    assert LanguageScorer()(hard)[""].to_pylist() != ["en"]
    assert LanguageScorer(among=("en", "zh"))(hard)[""].to_pylist() == ["en"]


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'english'.*\n.*zh"):
        LanguageScorer(among=("english", "zh"))
