"""What the guide shows works, and what it names is there."""

import re
from pathlib import Path

import pytest
import yaml

from gapless.endpoints import behaviours, job, line, replies, scripted
from gapless.recipe.endpoints import Endpoint

GUIDE = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_code_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    codes = blocks("python")
    assert codes
    for code in codes:
        exec(compile(code, "endpoints.md", "exec"), {})  # noqa: S102 - our own guide


def test_the_guide_shows_every_setting_of_an_endpoint() -> None:
    (block,) = blocks("yml")
    told = yaml.safe_load(block)["endpoint"]
    assert Endpoint.model_validate(told)
    assert set(told) == set(Endpoint.model_fields) - {"price"}


def test_the_guide_names_every_behaviour_and_number() -> None:
    names = set(scripted.__all__) - {"Behaviour", "Call", "Performance", "Script", "completion"}
    assert len(names) > 10
    assert all(f"`{name}" in GUIDE for name in names)
    assert set(scripted.__all__) >= {
        name for name, value in vars(behaviours).items() if hasattr(value, "performance")
    }
    for number in (
        f"{line.OVERALL} x `timeout`",
        f"over {line.MOST_BYTES >> 20} MiB",
        f"{job.MOST_HELD} in a row",
        f"Tokens are {replies.UNKNOWN} ",
    ):
        assert number in GUIDE
