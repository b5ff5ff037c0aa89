"""Answers as a person reads them in a terminal: trees, tables, a few plain lines."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gapless.cli import tables, trees
from gapless.records.claim_views import ClaimRow
from gapless.records.sweep_views import FittedLaw, ProposedSettings, SweepResult
from gapless.records.synthesis_views import Synthesized
from gapless.records.views import (
    Audit,
    Comparison,
    Fate,
    Glimpse,
    Plan,
    RateSearch,
    RunResult,
    Status,
)
from gapless.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from gapless.assets import Asset

_SHOWN_DIFFERENCES = 8


def init(written: Sequence[Path], console: Console | None = None) -> None:
    """Show the files of a new project and the next command."""
    console = console or _console()
    for path in written:
        _line(console, f"wrote {path}")
    recipes = [path for path in written if path.suffix in {".yaml", ".yml"}]
    if recipes:
        _line(console, f"next:  gapless plan {recipes[0]}")


def merge(written: Sequence[Path], console: Console | None = None) -> None:
    """Show the files of a merged model."""
    console = console or _console()
    for path in written:
        _line(console, f"wrote {path}")


def plan(plan: Plan, console: Console | None = None) -> None:
    """Show what a run would do and cost."""
    console = console or _console()
    _line(console, f"{plan.run_dir}")
    console.print(trees.stages(plan.stages))
    for table in (
        tables.sources(plan.sources),
        *([tables.scores(plan.scores)] if plan.scores else []),
        *([tables.syntheses(plan.syntheses)] if plan.syntheses else []),
    ):
        console.print("", table)
    console.print("", *trees.mixture(plan.tree), "", tables.arms(plan.arms), sep="\n")
    console.print(
        f"\n{format_tokens(plan.parameters)} parameters; about "
        f"{format_bytes(plan.memory_bytes)} of memory while training, "
        f"{format_bytes(plan.disk_bytes)} of disk",
        highlight=False,
    )
    for line in _by_arm([(arm.name, arm.measuring) for arm in plan.arms]):
        console.print(Text(line))
    for warning in plan.warnings:
        console.print(Text.assemble(("note: ", "yellow"), tables.plain(warning)))


def run(result: RunResult, console: Console | None = None) -> None:
    """Show how a run ended."""
    console = console or _console()
    if not result.did:
        _line(console, "nothing was missing")
    if result.summary:
        console.print("", tables.summary([(row.arm, row) for row in result.summary]), "")
    if result.report is not None:
        _line(console, f"report: {result.report}")
    elif result.stopped_at is not None:
        _line(console, f"stopped after {result.stopped_at}, as asked; run: {result.run_dir}")


def synthesized(written: Sequence[Synthesized], console: Console | None = None) -> None:
    """Show what a language model wrote, and why the rest was thrown away."""
    console = console or _console()
    for one in written:
        name = tables.plain(one.name)
        if one.folder is None:
            _line(console, f"{name}: {one.waiting:,} requests wait for answers: {one.file}")
            continue
        kept = f"{one.documents:,} documents of {one.requests:,} requests"
        spent = f"{format_tokens(one.tokens)} tokens{f', {one.cost}' if one.cost else ''}"
        console.print(Text.assemble((f"\n{name}", "bold"), f": {kept}; {spent}"))
        if one.rejected:
            console.print(tables.rejections(one.rejected, one.requests))
        _line(console, f"{one.folder}")


def status(status: Status, console: Console | None = None) -> None:
    """Show how far a run is."""
    console = console or _console()
    _line(console, f"{status.run_dir}")
    console.print(trees.stages(status.stages))
    console.print("", tables.progress(status.arms))
    for line in _by_arm([(arm.name, arm.measuring) for arm in status.arms]):
        console.print(Text(line))
    for about in dict.fromkeys(finding.about for finding in status.findings):
        console.print()
        console.print(Text(f"{tables.plain(about)}:"))
        for finding in (each for each in status.findings if each.about == about):
            console.print(Padding(Text(tables.plain(finding.text)), (0, 0, 0, 2)))
            if finding.suggestion:
                suggestion = f"To try: {tables.plain(finding.suggestion)}"
                console.print(Padding(Text(suggestion), (0, 0, 0, 4)))


def compare(comparison: Comparison, console: Console | None = None) -> None:
    """Show several runs side by side."""
    console = console or _console()
    rows = [(f"{run_name}/{row.arm}", row) for run_name, row in comparison.rows]
    console.print(tables.summary(rows))
    if comparison.seeds:
        console.print("", tables.over_seeds(comparison.seeds))
    if comparison.pairs:
        console.print("", tables.side_by_side(comparison.pairs))
        if not all(pair.over_seeds for pair in comparison.pairs):
            told = "Where neither side has several seeds, an interval has the noise of items alone."
            console.print(Text(told, style="dim"))
    for note in comparison.notes:
        console.print(Text.assemble(("note: ", "yellow"), tables.plain(note)))
    if comparison.report is not None:
        _line(console, f"report: {comparison.report}")


def sweep(result: SweepResult, console: Console | None = None) -> None:
    """Show which settings did best, and which trials failed."""
    console = console or _console()
    states = Counter(trial.state for trial in result.trials)
    _line(console, ", ".join(f"{count:,} trials {state}" for state, count in states.items()))
    console.print("", tables.sweep_ranking(result), "")
    for trial in result.trials:
        if trial.state == "failed":
            _line(console, f"{trial.name} failed: {tables.plain(trial.why)}")
    _line(console, f"trials: {result.file}")


def claims(rows: Sequence[ClaimRow], console: Console | None = None) -> None:
    """Show which claims hold, and the numbers that say so."""
    console = console or _console()
    for row in rows:
        _line(console, f"{row.id} ({row.scale}): {row.verdict}. {tables.plain(row.hypothesis)}")
        for part in row.parts:
            _line(console, f"    {part.says}: {part.seen}, wanted {part.wanted}")


def laws(fitted: Sequence[FittedLaw], console: Console | None = None) -> None:
    """Show laws' parameters, and how they did on settings that were held out."""
    console = console or _console()
    for law in fitted:
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in law.parameters.items())
        _line(console, f"{law.metric}: {law.law}, {law.agreeing} starts agree: {numbers}")
        if law.at_bounds:
            _line(console, f"  the trials do not determine {', '.join(law.at_bounds)}")
        if law.unread:
            _line(console, f"  it does not read {', '.join(law.unread)}")
    console.print("", tables.laws(fitted), "")
    for law in fitted:
        verdict = "may propose" if law.passes else "may not propose"
        _line(console, f"{law.metric}: {verdict}, which takes {law.bar}")


def proposal(found: ProposedSettings, console: Console | None = None) -> None:
    """Show proposed settings and what is expected of a run with them."""
    console = console or _console()
    for name, value in found.settings.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        _line(console, f"{tables.plain(name)}: {tables.plain(shown)}")
    for what, (value, low, high) in {"gain": found.gain, "forgetting": found.forgetting}.items():
        _line(console, f"expected {what} of a run: {value:+.4f} ({low:+.4f} to {high:+.4f})")
    _line(console, f"the bound on forgetting holds in {found.kept:.0%} of the replicates")
    for each in found.extrapolated:
        _line(console, f"beyond the trials: {tables.plain(each)}")
    if found.outside_hull:
        _line(console, "the settings together are beyond the trials' hull")
    if found.unread:
        _line(console, f"nothing is said of {', '.join(map(tables.plain, found.unread))}")
    if found.file is not None:
        _line(console, f"wrote {found.file}")


def rates(search: RateSearch, console: Console | None = None) -> None:
    """Show what each learning rate came to, and the one to take."""
    console = console or _console()
    console.print("", tables.rates(search), "")
    if search.proposal is not None:
        _line(console, f"training.learning_rate: {search.proposal:.2e}")
    _line(console, search.reason)
    _line(console, f"runs: {search.run_dir}")


def show(glimpses: Sequence[Glimpse], console: Console | None = None) -> None:
    """Show what the model saw, slice by slice."""
    console = console or _console()
    for (arm, row, phase), slices in groupby(glimpses, lambda g: (g.arm, g.row, g.phase)):
        heading = f"arm {tables.plain(arm)}, phase {phase + 1}, row {row:,}"
        console.print(Text(heading, style="bold"))
        for glimpse in slices:
            console.print(Padding(_slice(glimpse), (0, 0, 1, 2)))


def fates(found: Sequence[Fate], console: Console | None = None) -> None:
    """Show what became of a document, arm by arm."""
    console = console or _console()
    for (source, row), in_arms in groupby(found, lambda f: (f.source, f.document)):
        answers = list(in_arms)
        first = answers[0]
        heading = f"{tables.plain(source)}:{row}  {tables.plain(first.work)}  {first.origin}"
        console.print(Text(tables.plain(heading), style="bold"))
        for answer in answers:
            line = f"arm {answer.arm}: {answer.why}"
            console.print(Padding(Text(tables.plain(line)), (0, 0, 0, 2)))
        for column, value in first.scores:
            console.print(Padding(Text(tables.plain(f"{column} = {value}")), (0, 0, 0, 2)))
        console.print(Padding(Text(tables.plain(first.text), style="dim"), (0, 0, 1, 2)))


def audit(audits: Sequence[Audit], console: Console | None = None) -> None:
    """Show what each arm has seen, and in a line at the end whether it is as planned."""
    console = console or _console()
    for arm in audits:
        if arm.tokens_seen:
            title = f"arm {arm.arm}"
            console.print(tables.audit(title, arm.rows), "", sep="\n")
            console.print(tables.seen_documents(title, arm.documents), "", sep="\n")
    for arm in audits:
        _verdict(console, arm)


def assets(known: Iterable[tuple["Asset", bool]], console: Console | None = None) -> None:
    """List the assets and whether they are on this machine."""
    (console or _console()).print(
        tables.assets((a.name, a.kind, here, a.licence, a.about) for a, here in known)
    )


def _slice(glimpse: Glimpse) -> Text:
    seen = f"token {glimpse.token:,}: source {glimpse.source}, epoch {glimpse.epoch + 1}"
    place = f"{glimpse.origin}, work {glimpse.work}, document {glimpse.document_id[:7]}"
    return Text.assemble(
        (tables.plain(seen), "cyan"),
        f"\n{tables.plain(place)}\n{tables.plain(glimpse.reason)}\n",
        (tables.plain(glimpse.text), "dim"),
    )


def _verdict(console: Console, arm: Audit) -> None:
    """Say in a line whether an arm is as planned, and in more what differs."""
    tokens = f"{arm.tokens_seen:,}"
    if arm.tokens_seen < arm.total_tokens:
        tokens = f"{arm.tokens_seen:,} of {arm.total_tokens:,}"
    padding = f", {arm.padding_tokens:,} of padding" if arm.padding_tokens else ""
    verdict = ("as planned", "green") if arm.tokens_seen else ("nothing seen yet", "yellow")
    if arm.differences:
        verdict = ("not as planned", "red")
    name = f"arm {tables.plain(arm.arm)}: "
    console.print(Text.assemble(name, verdict, f" ({tokens} tokens{padding})"))
    for difference in arm.differences[:_SHOWN_DIFFERENCES]:
        console.print(Padding(Text(tables.plain(difference)), (0, 0, 0, 2)))
    more = len(arm.differences) - _SHOWN_DIFFERENCES
    if more > 0:
        console.print(Padding(Text(f"and {more:,} more differences"), (0, 0, 0, 2)))


def _by_arm(said: Sequence[tuple[str, str]]) -> list[str]:
    """Return what is said of arms, in a line for each; in one line where it is all the same."""
    own = [(tables.plain(name), tables.plain(text)) for name, text in said if text]
    if len({text for _, text in own}) == 1 and len(own) == len(said):
        return [own[0][1]]
    return [f"{name}: {text}" for name, text in own]


def _line(console: Console, text: str) -> None:
    """Print one line as it is: a path stays whole, so that it can be copied."""
    console.print(Text(text), soft_wrap=True)


def _console() -> Console:
    return Console(highlight=False)
