"""`status --watch`: what is read, how it fits the terminal, and how it ends."""

import fcntl
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from gapless.cli.braille import Look, axis, chart
from gapless.cli.live_view import LiveView, finding_lines, status_line
from gapless.cli.watch import watch
from gapless.errors import RunError
from gapless.records.live_views import Line, Live, LiveFinding
from gapless.workflow.live import LiveRun, Tail
from gapless.workflow.run_folder import RunFolder

from . import live_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return live_run.make(tmp_path / "medical")


def shown(live: Live, width: int, height: int = 44, *, whole: bool = False) -> str:
    console = Console(width=width, height=height, record=True, force_terminal=True, file=sink())
    console.print(LiveView(live, whole=whole))
    return console.export_text()


def sink():
    import io

    return io.StringIO()


def test_a_look_says_how_far_each_arm_is_and_what_it_came_to(run: Path) -> None:
    live = LiveRun(run).look()
    done, under_way = live.arms
    assert (live.stages_done, live.stages, live.stage) == (5, 7, "training.replay")
    assert (done.state, done.tokens_seen, done.seconds_left) == ("done", live_run.TOTAL, None)
    assert (under_way.state, under_way.tokens_seen) == ("under way", 120 * live_run.BATCH)
    assert under_way.tokens_per_second == pytest.approx(live_run.BATCH / 0.5)
    # 80 steps of half a second are left; 13 seconds of measuring beside 60 of training so far
    assert under_way.seconds_left == pytest.approx(40 * (1 + 13 / 60))
    assert under_way.gain.tokens[0] == 0
    assert under_way.gain.values[0] == 0
    assert under_way.gain.values[-1] == pytest.approx(0.5 * (1 - math.exp(-120 / 50)))
    assert min(under_way.forgetting.values) < 0 < under_way.forgetting.values[-1]
    changes = {value.probe: value.change for value in under_way.values}
    mean = (changes["prose"] + changes["code"]) / 2
    assert under_way.forgetting.values[-1] == pytest.approx(mean)


def test_a_point_that_is_half_written_does_not_count_yet(run: Path) -> None:
    watching = LiveRun(run)
    before = watching.look().arms[1]
    journal = live_run.place(run, "training.replay").partial_path / "measurements.jsonl"
    row = json.loads(journal.read_text().splitlines()[-1]) | {"tokens_seen": 140 * live_run.BATCH}
    live_run.append(journal, row)
    now = watching.look().arms[1]
    assert now.forgetting == before.forgetting
    live_run.append(journal, row | {"probe": "prose"})
    assert watching.look().arms[1].forgetting.tokens[-1] == 140 * live_run.BATCH


def test_a_rare_probe_keeps_its_last_value_and_says_where_it_is_of(run: Path) -> None:
    journal = live_run.place(run, "training.replay").partial_path / "measurements.jsonl"
    row = json.loads(journal.read_text().splitlines()[-1])
    exam = row | {"probe": "exam", "metric": "accuracy", "higher_is_better": True}
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    rows.insert(3, exam | {"tokens_seen": 0, "value": 0.25})
    rows.insert(-3, exam | {"tokens_seen": 40 * live_run.BATCH, "value": 0.5})
    journal.unlink()
    live_run.append(journal, *rows)
    live = LiveRun(run).look()
    values = {value.probe: value for value in live.arms[1].values}
    assert (values["exam"].tokens_seen, values["exam"].change) == (40 * live_run.BATCH, 0.25)
    assert values["prose"].tokens_seen == 120 * live_run.BATCH == live.arms[1].measured_at
    lines = shown(live, 100, whole=True).splitlines()
    [told] = [line.rstrip() for line in lines if line.startswith("  exam")]
    assert told.endswith("accuracy  at 164k")
    assert not any(line.startswith("  prose") and " at " in line for line in lines)


def test_what_measuring_takes_is_told_with_its_dearest_probes(run: Path) -> None:
    before = LiveRun(run).look()
    assert before.arms[1].measuring == pytest.approx(13 / 73)
    assert before.arms[1].costs == ()
    assert "measuring takes 17.8% of the time\n" in shown(before, 100).replace(" \n", "\n")
    journal = live_run.place(run, "training.replay").partial_path / "speed.jsonl"
    spent = {"tokens_seen": 120 * live_run.BATCH, "what": "measuring", "seconds": 27.0}
    parts = {"exam": 20.0, "bits_per_byte": 4.0, "perplexity": 2.0, "boolq": 1.0}
    live_run.append(journal, spent | {"parts": parts})
    live = LiveRun(run).look()
    assert live.arms[1].measuring == pytest.approx(0.4)
    told = "takes 40.0% of the time (exam 20.0%, bits_per_byte 4.0%, perplexity 2.0%)"
    assert told in shown(live, 140)
    assert "measuring 40.0%" in status_line(live.arms[1])


def test_a_journal_is_followed_while_it_grows_is_cut_back_and_goes_on(tmp_path: Path) -> None:
    path, tail = tmp_path / "steps.jsonl", Tail()
    assert tail.look(path) == []
    live_run.append(path, *({"step": step} for step in range(50)))
    assert len(tail.look(path)) == 50
    with path.open("a") as file:
        file.write('{"step": 5')
    assert len(tail.look(path)) == 50
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:30]))  # a resumed run cuts it back, and makes other rows
    live_run.append(path, *({"step": -1} for _ in range(60)))
    rows = tail.look(path)
    assert [row["step"] for row in rows] == [*range(30), *[-1] * 60]


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_text('{"step": 1}\n{"step": \n')
    with pytest.raises(RunError, match=r"steps\.jsonl"):
        Tail().look(path)


def test_a_cut_back_journal_is_read_again_though_it_is_longer_than_before(tmp_path: Path) -> None:
    path, tail = tmp_path / "steps.jsonl", Tail()
    live_run.append(path, *({"step": step, "loss": 1.0} for step in range(20)))
    tail.look(path)
    path.write_text("")
    live_run.append(path, *({"step": step, "loss": 2.0} for step in range(40)))
    assert [row["loss"] for row in tail.look(path)] == [2.0] * 40


def test_a_training_that_ends_between_two_looks_keeps_its_rows(run: Path) -> None:
    watching = LiveRun(run)
    assert watching.look().arms[1].tokens_seen == 120 * live_run.BATCH
    journal = live_run.place(run, "training.replay").partial_path / "steps.jsonl"
    row = json.loads(journal.read_text().splitlines()[-1])
    live_run.append(journal, row | {"step": 121, "tokens_seen": 121 * live_run.BATCH})
    live_run.commit(run, "training.replay")
    arm = watching.look().arms[1]
    assert (arm.state, arm.tokens_seen) == ("done", 121 * live_run.BATCH)
    assert arm.measured_at == 120 * live_run.BATCH


def test_who_looks_never_keeps_a_run_from_starting(run: Path) -> None:
    folder = RunFolder(run)
    assert not folder.is_worked_on()
    with folder.locked():
        assert folder.is_worked_on()
        assert LiveRun(run).look().worked_on
        with pytest.raises(RunError, match="another process"), folder.locked():
            pass
    assert not folder.is_worked_on()
    with (run / ".lock").open() as looking:  # a look that takes its time
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.02, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        with folder.locked():
            pass


@pytest.mark.parametrize("width", [40, 60, 100, 160])
@pytest.mark.parametrize("height", [16, 24, 44, 70])
def test_the_screen_fits_any_terminal(run: Path, width: int, height: int) -> None:
    lines = shown(LiveRun(run).look(), width, height).rstrip("\n").splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert len(lines) <= max(height, 24)
    text = "\n".join(lines)
    assert "one_pass" in text
    assert "60 %" in text


@pytest.mark.parametrize("width", [60, 100, 160])
def test_gain_and_forgetting_are_drawn_against_the_base(run: Path, width: int) -> None:
    text = shown(LiveRun(run).look(), width)
    assert text.count("base") >= 4
    assert "gain +0.455" in text
    assert "forgetting +0.022" in text
    assert sum(0x2800 < ord(letter) < 0x2900 for letter in text) > 100
    assert ("training loss" in text) == (width >= 90)


def test_a_chart_puts_every_point_where_it_belongs() -> None:
    line = Line(tokens=(0, 10, 100, 1000), values=(0.0, -1.0, -1.0, 1.0))
    look = Look(width=7 + 20, height=5, first=10, last=1000, base=True, digits=1)
    rows = [row.plain for row in chart(line, look)]
    assert [row[:6].strip() for row in rows] == ["+1.0", "", "base", "", "\N{MINUS SIGN}1.0"]
    assert rows[0][7:-2].strip() == ""  # the best point is the last
    assert rows[0][-1] != " "
    assert rows[4][7:].strip()  # the worst stretch is at the bottom
    assert all(len(row) == 27 for row in rows)
    assert axis(look, ("0", "10", "1k")).plain == " " * 7 + "0 10" + "1k".rjust(16)


@pytest.mark.parametrize("values", [(), (0.0,), (0.0, math.nan, math.inf), (2.0, 2.0, 2.0)])
@pytest.mark.parametrize("base", [True, False])
def test_a_chart_of_next_to_nothing_is_still_a_chart(values: tuple[float, ...], base: bool) -> None:
    line = Line(tokens=tuple(range(len(values))), values=values)
    rows = chart(line, Look(width=30, height=4, first=1, last=10, base=base))
    assert [len(row.plain) for row in rows] == [30] * 4


def test_a_terminal_without_unicode_gets_a_curve_too() -> None:
    look = Look(width=30, height=4, first=1, last=3, base=True, ascii_only=True)
    rows = chart(Line(tokens=(0, 1, 3), values=(0.0, -1.0, 1.0)), look)
    curve = "".join(row.plain[7:] for row in rows)
    assert "*" in curve
    assert curve.isascii()


def test_nothing_from_data_steers_the_terminal(run: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2Jname\nsecond"
    folder = live_run.place(run, "training.replay").partial_path
    for file in folder.glob("*.jsonl"):
        file.unlink()
    live_run.train(run, "replay", steps=40, probe=evil)
    fault = {"step": 7, "tokens_seen": 7, "what": evil, "action": "skip"}
    live_run.append(folder / "faults.jsonl", fault)
    live = LiveRun(run).look()
    live = replace(live, name=evil, stage=evil)
    text = shown(live, 160) + "".join(map(status_line, live.arms))
    assert "owned" in text
    assert not [letter for letter in text if letter < " " and letter != "\n"]


def test_plain_lines_where_the_output_is_no_terminal(run: Path) -> None:
    console = Console(file=sink(), width=80, highlight=False)
    watch(LiveRun(run).look, console)  # nobody works in the folder: it ends by itself
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("training one_pass  done  100%  819k tokens seen")
    assert "gain +0.455" in lines[1]
    assert lines[2] == "nobody works in the folder: 5 of 7 stages done"


def test_a_finished_run_is_shown_once(run: Path) -> None:
    live_run.commit(run, "training.replay")
    live_run.commit(run, "analysis")
    (run / "report.html").write_text("")
    live = LiveRun(run).look()
    assert live.ended
    console = Console(file=sink(), width=100, height=30, force_terminal=True, highlight=False)
    watch(lambda: live, console)
    assert f"report: {run / 'report.html'}" in console.file.getvalue().replace("\n", "")


def test_q_leaves_a_real_terminal_as_it_was(run: Path) -> None:
    pty = pytest.importorskip("pty")
    arguments = ["gapless", "status", str(run), "--watch"]
    command = f"import sys; sys.argv = {arguments}; from gapless.cli.main import run; run()"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
    )
    os.close(theirs)
    text = b""
    while b"q leaves" not in text:
        text += os.read(ours, 65536)
    os.write(ours, b"q")
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:  # the other end is closed
        pass
    assert process.wait(timeout=60) == 0
    assert b"\x1b[?1049h" in text  # another screen ...
    assert b"\x1b[?1049l" in text  # ... and back
    assert b"Traceback" not in text


def test_watching_loads_no_torch(run: Path) -> None:
    code = (
        "import sys\nfrom gapless.workflow import verbs\n"
        f"verbs.watch({str(run)!r})()\nimport gapless.cli.watch\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


FELL = LiveFinding(
    rule="gap", text="General text fell by 0.1 bits per byte \x1b[31mand " + "x " * 40
)
MORE = LiveFinding(rule="still rising", text="The domain still rises. " + "y " * 120)


def telling(run: Path, **changes: object) -> Live:
    live = LiveRun(run).look()
    arm = replace(live.arms[1], findings=(FELL, MORE), **changes)
    return replace(live, arms=(live.arms[0], arm))


def test_findings_so_far_stand_under_their_arm_and_are_called_preliminary(run: Path) -> None:
    text = shown(telling(run), 100, 60)
    assert "found so far, as if it ended here (preliminary); 1 more in the report" in text
    assert "  \N{MIDDLE DOT} General text fell by 0.1 bits per byte \ufffd[31mand" in text
    assert "still rises" not in text, "a finding is told whole or not at all"
    assert all(len(line) <= 100 for line in text.splitlines())
    done = shown(telling(run, state="done", analysed=True), 100, 60)
    assert "found; 1 more in the report" in done
    assert "preliminary" not in done


def test_where_there_is_little_room_the_curves_come_before_the_findings(run: Path) -> None:
    live = telling(run)
    for height in range(16, 60, 4):
        text = shown(live, 80, height)
        assert len(text.splitlines()) <= max(height, len(shown(LiveRun(run).look(), 80, height)))
        if "found so far" in text:
            break
        assert "gain" in text
    assert 24 < height < 56
    assert "found so far" not in shown(LiveRun(run).look(), 80, 60), "nothing is found of it"


def test_plain_lines_tell_a_finding_once_and_again_when_it_is_sure(run: Path) -> None:
    arm, told = telling(run).arms[1], set[tuple[str, str, str]]()
    [fell, _] = finding_lines(arm, told)
    assert fell.startswith("  found of replay so far (preliminary): General text fell")
    assert "\x1b" not in fell
    assert finding_lines(arm, told) == []
    again = replace(arm, findings=(replace(FELL, text="General text fell by 0.2"), MORE))
    assert finding_lines(again, told) == [], "its numbers move with every measurement"
    [sure, _] = finding_lines(replace(arm, analysed=True), told)
    assert sure.startswith("  found of replay: General text fell")
