"""A run while it goes on, as one screen: where it is, how far each arm is, and its curves."""

import math
import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from gapless.cli.braille import Look, axis, chart
from gapless.cli.tables import plain
from gapless.records.live_views import Line, Live, LiveArm, LiveValue
from gapless.units import format_seconds, format_tokens

_MOST_ROWS, _FEWEST_ROWS = 9, 3
_WIDE = 90
"""Columns from which on the loss is drawn as well."""
_ROOMY = 72
"""Columns from which on values stand with the names of their metrics."""
_GAP = 3
_MOST_VALUES = 6
_MOST_COSTS = 3
_MOST_FINDING_ROWS = 4
_BULLET = "\N{MIDDLE DOT}"
_DOT = "  \N{MIDDLE DOT}  "
_MINUS = "\N{MINUS SIGN}"
_WORDS = {"bits_per_byte": "bits per byte"}


class LiveView:
    """One look at a run, made to fit the terminal."""

    def __init__(self, live: Live, *, whole: bool = False) -> None:
        """Show a look; ``whole`` lets it be higher than the terminal."""
        self._live = live
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the screen out."""
        width, height = options.max_width, 10_000 if self._whole else options.size.height
        live, ascii_only = self._live, options.ascii_only
        head, foot = _head(live, width), _foot(live, width)
        shown = [arm for arm in live.arms if arm.measured_at is not None]
        room = height - len(head) - len(foot) - sum(map(_fixed_rows, live.arms))
        told = sum(len(_findings(arm, width)) for arm in shown)
        tells = bool(shown) and (room - told) // len(shown) > _FEWEST_ROWS
        room -= told if tells else 0  # where there is little room, the curves come first
        rows = min(_MOST_ROWS, room // len(shown)) if shown else 0
        if rows < _FEWEST_ROWS and shown:  # the curves of the arm that learns now, or was last
            current = next((arm for arm in shown if arm.state == "under way"), shown[-1])
            shown = [current]
            others = sum(3 for arm in live.arms if arm is not current)
            room = height - len(head) - len(foot) - others - _fixed_rows(current)
            rows = max(_FEWEST_ROWS, min(_MOST_ROWS, room))
        lines: list[RenderableType] = [*head]
        for arm in live.arms:
            own = _arm(arm, width, rows if arm in shown else 0, ascii_only=ascii_only)
            found = _findings(arm, width) if tells and arm in shown else []
            lines += [*own, *found, Text("")]
        lines += foot
        yield Group(*(_fitting(line, width) for line in lines))


def status_line(arm: LiveArm) -> str:
    """Say in one plain line how far an arm is."""
    parts = [f"training {plain(arm.name)}", arm.state]
    if arm.total_tokens:
        parts.append(f"{arm.tokens_seen / arm.total_tokens:.0%}")
    parts.append(f"{format_tokens(arm.tokens_seen)} tokens seen")
    parts += _speed(arm)
    parts += [f"{name} {_signed(value)}" for name, value in _ends(arm)]
    if arm.loss.values:
        parts.append(f"loss {arm.loss.values[-1]:.3f}")
    if arm.measuring is not None:
        parts.append(f"measuring {arm.measuring:.1%}")
    if arm.faults:
        parts.append(f"{len(arm.faults)} faults")
    return "  ".join(parts)


def finding_lines(arm: LiveArm, told: set[tuple[str, str, str]]) -> list[str]:
    """Say in plain lines what is found of an arm; each rule once before the analysis and after."""
    so_far = "" if arm.analysed else " so far (preliminary)"
    new = [found for found in arm.findings if (arm.name, so_far, found.rule) not in told]
    told.update((arm.name, so_far, found.rule) for found in new)
    return [f"  found of {plain(arm.name)}{so_far}: {plain(found.text)}" for found in new]


def _head(live: Live, width: int) -> list[Text]:
    state = ("someone is working here", "green") if live.worked_on else ("nobody works here", "dim")
    if live.ended:
        state = ("done", "green")
    mark = "\N{BLACK CIRCLE} " if live.worked_on or live.ended else "\N{WHITE CIRCLE} "
    stages = f"{live.stages_done} of {live.stages} stages done"
    now = f", at {plain(live.stage)}" if live.stage else ""
    first = Text.assemble(
        (plain(live.name), "bold"), "   ", (mark, state[1]), state, "   ", (stages + now, "dim")
    )
    return [first, Text("\N{BOX DRAWINGS LIGHT HORIZONTAL}" * width, style="dim")]


def _foot(live: Live, width: int) -> list[Text]:
    if live.ended:
        return [Text(f"report: {plain(str(live.report))}")] if live.report else []
    return [Text("q leaves; the run goes on".rjust(width), style="dim")]


def _fixed_rows(arm: LiveArm) -> int:
    """Rows of an arm beside its curves."""
    if arm.measured_at is None:
        return 3
    return 6 + len(_shown_values(arm)) + bool(arm.faults)


def _arm(arm: LiveArm, width: int, rows: int, *, ascii_only: bool) -> list[RenderableType]:
    lines: list[RenderableType] = [_arm_head(arm, width), _numbers(arm, width)]
    if rows:
        lines += _charts(arm, width, rows, ascii_only=ascii_only)
        lines += _values(arm, width)
    if arm.faults:
        fault = arm.faults[-1]
        told = f"step {fault.step:,}: {fault.what} ({fault.action})"
        more = f"{len(arm.faults)} faults, the last at " if len(arm.faults) > 1 else "fault at "
        lines.append(Text(plain(f"{more}{told}").replace("\n", " "), style="red"))
    return lines


def _findings(arm: LiveArm, width: int) -> list[Text]:
    """Tell what is found so far, in a few rows: the first findings, each whole."""
    if not arm.findings:
        return []
    wrapped = [textwrap.wrap(plain(found.text), max(20, width - 4)) for found in arm.findings]
    told = [wrapped[0][:_MOST_FINDING_ROWS]]
    for rows in wrapped[1:]:
        if sum(map(len, [*told, rows])) > _MOST_FINDING_ROWS:
            break
        told.append(rows)
    left = len(wrapped) - len(told)
    so_far = "found" if arm.state == "done" else "found so far, as if it ended here"
    so_far += "" if arm.analysed else " (preliminary)"
    lines = [Text(so_far + (f"; {left} more in the report" if left else ""), style="dim")]
    for rows in told:
        lines += [
            Text(f"  {_BULLET if not place else ' '} {row}") for place, row in enumerate(rows)
        ]
    return lines


def _arm_head(arm: LiveArm, width: int) -> Text:
    style = {"done": "green", "under way": "cyan", "not started": "dim"}[arm.state]
    part = arm.tokens_seen / arm.total_tokens if arm.total_tokens else 0.0
    text = Text.assemble((_short(plain(arm.name), width // 2), "bold"), "  ", (arm.state, style))
    bar = min(40, width - text.cell_len - 10)
    if bar >= 8:
        filled = min(bar, round(bar * part))
        text.append(" " * (width - text.cell_len - bar - 6))
        text.append("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * filled, style=style)
        text.append("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * (bar - filled), style="dim")
        text.append(f"{math.floor(100 * part):>4d} %")
    return text


def _numbers(arm: LiveArm, width: int) -> Text:
    of = f" of {format_tokens(arm.total_tokens)}" if arm.total_tokens else ""
    parts = [f"{format_tokens(arm.tokens_seen)}{of} tokens", *_speed(arm)]
    if arm.loss.values:
        parts.append(f"loss {arm.loss.values[-1]:.3f}")
    if arm.learning_rate is not None:
        parts.append(f"rate {arm.learning_rate:.2e}")
    while len(parts) > 1 and len(_DOT.join(parts)) > width:
        parts.pop()
    return Text(_DOT.join(parts), style="dim")


def _speed(arm: LiveArm) -> list[str]:
    if arm.state != "under way" or arm.tokens_per_second is None:
        return []
    parts = [f"{format_tokens(round(arm.tokens_per_second))} tokens/s"]
    if arm.seconds_left is not None:
        parts.append(f"{format_seconds(arm.seconds_left)} left")
    return parts


def _charts(arm: LiveArm, width: int, rows: int, *, ascii_only: bool) -> list[Text]:
    drawn = [("gain", arm.gain, True), ("forgetting", arm.forgetting, True)]
    drawn = [one for one in drawn if one[1].tokens]
    if width >= _WIDE and arm.loss.tokens:
        drawn.append(("training loss", arm.loss, False))
    if not drawn:
        return []
    each = (width - _GAP * (len(drawn) - 1)) // len(drawn)
    last = max(arm.total_tokens or 0, arm.tokens_seen)
    first = min((seen for _, line, _ in drawn for seen in line.tokens if seen > 0), default=0)
    columns = []
    for name, line, base in drawn:
        look = Look(
            width=each,
            height=rows,
            first=first,
            last=last,
            base=base,
            ascii_only=ascii_only,
        )
        ends = (
            "0",
            format_tokens(first) if first else "",
            f"{format_tokens(last)} tokens, log" if each > 44 else format_tokens(last),
        )
        columns.append([_title(name, line, each, base=base), *chart(line, look), axis(look, ends)])
    return [_beside(cells, each) for cells in zip(*columns, strict=True)]


def _title(name: str, line: Line, width: int, *, base: bool) -> Text:
    """Name a chart with its last value, and with its worst one where that is below the base."""
    last = line.values[-1]
    told = _signed(last) if base else f"{last:.3f}"
    style = ("yellow" if last < 0 else "cyan") if base and line.tokens[-1] else "default"
    title = Text.assemble(" " * 7, name, " ", (told, f"bold {style}"))
    worst, at = min(zip(line.values, line.tokens, strict=True))
    lowest = f"  lowest {_signed(worst)} at {format_tokens(at)}"
    if base and worst < 0 and title.cell_len + len(lowest) <= width:
        title.append(lowest, style="dim")
    return title


def _beside(cells: Sequence[Text], width: int) -> Text:
    row = Text()
    for place, cell in enumerate(cells):
        row.append(" " * _GAP if place else "")
        row.append_text(cell)
        row.append(" " * max(0, width - cell.cell_len))
    return row


def _shown_values(arm: LiveArm) -> tuple[LiveValue, ...]:
    return arm.values[:_MOST_VALUES]


def _values(arm: LiveArm, width: int) -> list[Text]:
    """Tabulate the last measurement; the numbers stand in columns."""
    shown = _shown_values(arm)
    at = "the base model" if not arm.measured_at else f"{format_tokens(arm.measured_at)} tokens"
    more = len(arm.values) - len(shown)
    rest = f"; {more} more in the report" if more else ""
    lines = [Text(f"measured at {at}{rest}{_costs(arm)}", style="dim")]
    names = [f"{plain(value.probe)}" for value in shown]
    longest = min(max((cell_len(name) for name in names), default=0), max(10, width // 3))
    for name, value in zip(names, shown, strict=True):
        metric = _WORDS.get(value.metric, value.metric.replace("_", " "))
        error = f" \N{PLUS-MINUS SIGN} {value.standard_error:.3f}" if value.standard_error else ""
        line = Text.assemble(
            "  ",
            set_cell_size(_short(name, longest), longest),
            "  ",
            (f"{value.role:<8}", "dim"),
            f"{value.value:9.3f}",
            (f"{error:<8}", "dim"),
        )
        if value.change is not None:
            style = "yellow" if value.change < 0 else "cyan" if value.change > 0 else "dim"
            line.append(f"  {_signed(value.change):>7}", style=style)
        if width >= _ROOMY:
            line.append(f"  {plain(metric)}", style="dim")
        if value.tokens_seen != arm.measured_at:
            seen = f"at {format_tokens(value.tokens_seen)}" if value.tokens_seen else "of the base"
            line.append(f"  {seen}", style="dim")
        lines.append(line)
    return lines


def _costs(arm: LiveArm) -> str:
    """Say what share of the time measuring took, and which probes took most of it."""
    if arm.measuring is None:
        return ""
    dearest = [f"{plain(name)} {share:.1%}" for name, share in arm.costs[:_MOST_COSTS]]
    probes = f" ({', '.join(dearest)})" if len(arm.costs) > 1 else ""
    return f"{_DOT}measuring takes {arm.measuring:.1%} of the time{probes}"


def _ends(arm: LiveArm) -> list[tuple[str, float]]:
    lines = (("gain", arm.gain), ("forgetting", arm.forgetting))
    return [(name, line.values[-1]) for name, line in lines if line.tokens and line.tokens[-1]]


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", _MINUS)


def _short(name: str, letters: int) -> str:
    name = name.replace("\n", " ").replace("\t", " ")
    if cell_len(name) <= letters:
        return name
    return set_cell_size(name, max(0, letters - 1)).rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _fitting(line: RenderableType, width: int) -> RenderableType:
    """Cut a line at the terminal's edge: one line of ours is one line of it."""
    if isinstance(line, Text):
        line = line.copy()
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return line
