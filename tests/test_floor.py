"""Floor 0: units and seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapless.seeds import stream, stream_key
from gapless.units import format_bytes, format_seconds, format_tokens, parse_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("4_096", 4096),
        ("500k", 500_000),
        ("2.5B", 2_500_000_000),
        ("0.001k", 1),
        ("10T", 10**13),
        ("9007199254740993", 9007199254740993),  # above 2^53: no float on the way
        ("9007199.254740993B", 9007199254740993),
        ("1e6", 10**6),
        (1e17, 10**17),
    ],
)
def test_amounts_are_exact(text: str | float, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "many", "-5", "1.5", "0.0001k", "5 kB", "1e-3", True, -1])
def test_what_is_no_amount_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match="token"):
        parse_tokens(text)


@given(st.integers(0, 10**15))
def test_a_plain_number_parses_to_itself(tokens: int) -> None:
    assert parse_tokens(str(tokens)) == tokens


@pytest.mark.parametrize(
    ("tokens", "short"), [(999_499, "999k"), (999_500, "1M"), (999_999_999, "1B"), (1_000, "1k")]
)
def test_a_short_form_never_shows_a_thousand_of_the_smaller_unit(tokens: int, short: str) -> None:
    assert format_tokens(tokens) == short


def test_short_forms() -> None:
    assert [format_tokens(n) for n in (0, 999, 819_200, 2_500_000_000)] == [
        "0",
        "999",
        "819k",
        "2.5B",
    ]
    assert [format_bytes(n) for n in (12, 20_000_000)] == ["12 B", "20 MB"]
    assert [format_seconds(s) for s in (4, 59.4, 90, 3725)] == ["4 s", "59 s", "2 min", "1 h 2 min"]


def test_streams_depend_on_seed_and_name_alone() -> None:
    def draw(*names: str | int, seed: int = 0) -> list[int]:
        return stream(seed, *names).integers(0, 1000, 5).tolist()

    np.random.default_rng(0).random()
    assert draw("selection", "law") == draw("selection", "law")
    assert draw("selection", "law") != draw("selection", "wiki")
    assert draw("selection", "law") != draw("selection", "law", seed=1)


def test_names_do_not_run_together() -> None:
    keys = {stream_key(0, "a", "bc"), stream_key(0, "ab", "c"), stream_key(0, "abc")}
    keys |= {stream_key(0, "order", 1), stream_key(0, "order", "1")}
    assert len(keys) == 5
