"""Findings of a run under way: worked out when a measurement comes, and not before."""

from pathlib import Path

import numpy as np
import pytest

import gapless.analysis
from gapless.records.artifact import ArtifactFolder
from gapless.records.journal import Journal
from gapless.records.measurements import ItemValues, Measurement, items_path, write_items
from gapless.workflow.live_findings import LiveFindings


class Arm:
    """An arm that trains: general text falls by a tenth at every point."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.training = ArtifactFolder(root, "training.main", "0" * 64)
        self.analysis = ArtifactFolder(root, "analysis", "1" * 64)
        self.training.partial_path.mkdir(parents=True)
        self.journal = Journal(self.training.partial_path / "measurements.jsonl")
        self.calls = 0

    def measure(self, tokens: int, *, items: bool = True) -> None:
        sizes = np.full(40, 100.0)
        texts = np.random.Generator(np.random.Philox(1)).normal(1.0, 0.2, 40)
        values = ItemValues(numerators=sizes * (texts + tokens / 1000), denominators=sizes)
        if items:
            write_items(items_path(self.training.partial_path, tokens), {"web/b": values})
        row = Measurement(
            arm="main",
            tokens_seen=tokens,
            probe="web",
            role="general",
            metric="b",
            value=values.value,
            higher_is_better=False,
            num_items=40,
            standard_error=0.1,
        )
        self.journal.append(row.row())

    def look(self, findings: LiveFindings) -> list[str]:
        rows = list(self.journal.rows())
        found = findings.look("main", self.training, rows, self.analysis, seed=0)
        return [each.rule for each in found]


@pytest.fixture
def arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arm:
    made, analyse = Arm(tmp_path), gapless.analysis.analyse

    def counted(*args: object, **options: object) -> object:
        made.calls += 1
        return analyse(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(gapless.analysis, "analyse", counted)
    return made


def test_a_new_measurement_and_nothing_else_has_it_worked_out_again(arm: Arm) -> None:
    findings = LiveFindings()
    assert arm.look(findings) == []
    arm.measure(0)
    assert arm.look(findings) == []
    assert arm.calls == 0, "the base alone says nothing"
    arm.measure(100)
    assert "forgetting lasts" in arm.look(findings)
    assert "forgetting lasts" in arm.look(findings)
    assert arm.calls == 1
    arm.measure(200)
    assert "forgetting lasts" in arm.look(findings)
    assert arm.calls == 2


def test_what_cannot_be_read_just_now_has_no_findings_until_there_is_more(arm: Arm) -> None:
    findings = LiveFindings()
    arm.measure(0)
    arm.measure(100, items=False)
    assert arm.look(findings) == arm.look(findings) == []
    assert arm.calls == 1
    arm.journal.cut(lambda row: row["tokens_seen"] == 0)
    arm.measure(100)
    arm.measure(150)
    assert "forgetting lasts" in arm.look(findings)
