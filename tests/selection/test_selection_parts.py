from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gapless.recipe.selections import Selection

PARTS: TypeAdapter[Any] = TypeAdapter(Selection)


@pytest.mark.parametrize(
    ("part", "columns"),
    [
        ({"type": "random", "tokens": "4k"}, ()),
        ({"type": "score", "column": "x", "tokens": 5}, ("x",)),
        ({"type": "soft", "column": "x", "tokens": 5}, ("x",)),
        ({"type": "threshold", "column": "x", "at_most": 2}, ("x",)),
        (
            {
                "type": "band",
                "column": "x",
                "tokens": 5,
                "high": "10%",
                "quotas": {"column": "topic", "shares": {"a": "30%", "b": 0.7}},
            },
            ("x", "topic"),
        ),
        (
            {"type": "combined", "scores": [{"column": "x"}, {"column": "y"}], "tokens": 5},
            ("x", "y"),
        ),
    ],
)
def test_a_selection_names_its_columns_and_loads_back_equal(
    part: dict[str, Any], columns: tuple[str, ...]
) -> None:
    selection = PARTS.validate_python(part)
    assert selection.columns == columns
    written = selection.model_dump()
    assert next(iter(written)) == "type"
    assert PARTS.validate_python(written) == selection


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "random", "tokens": 0}, "greater than 0"),
        ({"type": "random", "tokens": 5, "control": True}, "Extra inputs"),
        (
            {"type": "band", "column": "x", "tokens": 5, "low": 0.5, "high": 0.5},
            r"low \(0\.5\) must be below high \(0\.5\)",
        ),
        ({"type": "threshold", "column": "x"}, "give at_least, at_most or both"),
        (
            {"type": "threshold", "column": "x", "at_least": 2, "at_most": 1},
            r"at_least \(2\) is above at_most \(1\)",
        ),
        (
            {"type": "combined", "scores": [{"column": "x", "weight": 0}], "tokens": 5},
            "every weight is 0",
        ),
        (
            {"type": "random", "tokens": 5, "quotas": {"column": "t", "shares": {"a": 0.5}}},
            r"the shares sum to 0\.5",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PARTS.validate_python(part)
