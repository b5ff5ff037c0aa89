from collections.abc import Iterable

import pytest
from rich.console import Console
from rich.progress import Progress

from gapless.cli.progress import LineProgress, LiveProgress, watching
from gapless.records.views import Progress as Watcher


def lines_of(times: Iterable[float], seen: Iterable[int]) -> list[str]:
    console, clock = Console(width=40, highlight=False), iter(times)
    with console.capture() as capture:
        progress = LineProgress(console, clock=lambda: next(clock))
        for tokens in seen:
            progress.training("replay", tokens, 1000, 50.0, 3.25, None, -0.02)
    return capture.get().splitlines()


def test_a_line_comes_at_once_then_every_five_seconds_and_at_the_end() -> None:
    lines = lines_of([0, 1, 4.9, 5, 6, 7], [100, 200, 300, 400, 500, 1000])
    assert [line.split()[2] for line in lines] == ["10%", "40%", "100%"]


def test_a_line_is_never_wrapped_and_leaves_out_what_is_not_known() -> None:
    (line,) = lines_of([0], [100])
    assert line == ("training replay   10%  50 tokens/s, 18 s left  loss 3.250, forgetting -0.020")


def test_a_new_arm_is_shown_at_once() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        progress = LineProgress(console, clock=lambda: 0.0)
        for arm in ["one", "two", "two"]:
            progress.training(arm, 1, 1000, 0.0, 3.25, 0.1, 0.2)
    assert [line.split()[1] for line in capture.get().splitlines()] == ["one", "two"]


def test_stages_and_notes_are_lines_and_cannot_steer_the_terminal() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        progress = LineProgress(console)
        progress.stage("tokens.web", "3fa9c1e")
        progress.done("tokens.web", "12 documents")
        progress.note("[red]\x1b[31m")
    assert capture.get().splitlines() == [
        "tokens.web  3fa9c1e",
        "tokens.web  done  12 documents",
        "[red]\ufffd[31m",
    ]


@pytest.mark.parametrize(
    ("terminal", "kind"), [(True, LiveProgress), (False, LineProgress)], ids=["terminal", "file"]
)
def test_the_watcher_suits_the_output(terminal: bool, kind: type[Watcher]) -> None:
    console = Console(force_terminal=terminal, width=80)
    with console.capture(), watching(console) as progress:
        assert isinstance(progress, kind)


def test_the_live_bar_follows_the_arms() -> None:
    bar = Progress(console=Console(width=80, force_terminal=True))
    progress = LiveProgress(bar)
    with bar.console.capture() as capture:
        progress.stage("training.one", "3fa9c1e")
        progress.training("one", 400, 1000, 50.0, 3.25, 0.1, None)
        (task,) = bar.tasks
        assert (task.completed, task.total, task.fields["what"]) == (400, 1000, "training one")
        assert task.fields["numbers"] == "50 tokens/s, 12 s left\nloss 3.250, gain +0.100"
        progress.training("two", 100, 1000, 50.0, 3.25, 0.1, None)
        (task,) = bar.tasks
        assert (task.completed, task.fields["what"]) == (100, "training two")
        progress.done("training.two", "")
        progress.note("resumed")
    assert bar.tasks == []
    assert "training.two" in capture.get()
    assert "resumed" in capture.get()
