"""Checks across a recipe's parts: names that must exist, amounts that must fit one another."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from gapless.recipe.mistakes import Mistake, nearest, no_source
from gapless.recipe.order_checks import check_order
from gapless.recipe.places import Path
from gapless.recipe.probes import BitsPerByte, Harness, MultipleChoice, Perplexity
from gapless.recipe.schedules import (
    Infinite,
    Schedule,
    WarmupStableDecay,
    misplaced_decay,
    overlong,
)
from gapless.recipe.schema import Recipe
from gapless.recipe.scores import ModelPerplexity, NgramPerplexity, Topic, gives_labels
from gapless.recipe.selections import Budgeted, CombinedSelection, RandomSelection, Selection
from gapless.recipe.synthesis_checks import check_syntheses


def check(recipe: Recipe) -> list[Mistake]:
    """Return every mistake of a recipe whose parts are each well-formed."""
    return [
        *_roles(recipe),
        *_chats(recipe),
        *check_syntheses(recipe),
        *_scores(recipe),
        *_precedence(recipe),
        *_selection(recipe),
        *check_order(recipe),
        *_batches(recipe),
        *_optimizer(recipe),
        *_probes(recipe),
        *_watch(recipe),
        *_logging(recipe),
    ]


def _roles(recipe: Recipe) -> Iterator[Mistake]:
    for name in sorted({"domain", "general"} & recipe.sources.keys()):
        what = f"a source may not be called {name!r}: tables show the mean over a role under it"
        yield Mistake(("sources", name), what, "Choose another name.")
    if recipe.model.type == "new":
        return  # a base is pre-trained on general text alone
    if not _sources(recipe, "domain"):
        mend = "Give one source 'role: domain': what the model is to learn."
        yield Mistake(("sources",), "there is no domain source", mend)


def _chats(recipe: Recipe) -> Iterator[Mistake]:
    templates: dict[str | None, str] = {}
    for name, source in recipe.sources.items():
        if source.chat is None:
            continue
        if source.text != "text":
            what = f"a source of conversations has no column {source.text!r} for its text"
            yield Mistake(("sources", name, "text"), what, "Leave `text` or `chat` out.")
        if source.role != "reference":
            templates.setdefault(source.chat.template, name)
    if len(templates) > 1:
        (_, first), (template, other), *_ = templates.items()
        what = f"{other!r} has another template than {first!r}, and a model has one"
        place: Path = ("sources", other, "chat", *(["template"] if template else []))
        yield Mistake(place, what, "Give all sources of conversations the same.")


def _scores(recipe: Recipe) -> Iterator[Mistake]:
    for name, score in recipe.scores.items():
        path: Path = ("scores", name)
        taken = _taken_column(name, recipe)
        if taken is not None:
            yield Mistake(path, f"there is a column {taken!r} already", "Choose another name.")
        for index, source in enumerate(score.sources or ()):
            if source not in recipe.trained_sources:
                known = list(recipe.trained_sources)
                yield no_source((*path, "sources", index), source, known, role="trained ")
        if isinstance(score, NgramPerplexity):
            yield from _references(path, score, recipe)
        untrained = recipe.model.type == "new"
        if isinstance(score, ModelPerplexity) and score.model == "base" and untrained:
            what = "the recipe's own model is not trained yet: it can score nothing"
            yield Mistake((*path, "model"), what, "Name a folder or `asset:NAME`.")
        if isinstance(score, Topic) and (score.labels is None) == (score.annotator is None):
            what = "a topic classifier learns from labels: a file of them, or an annotator's"
            yield Mistake(path, what, "Give either `labels` or `annotator`.")


def _taken_column(name: str, recipe: Recipe) -> str | None:
    """Return a column of a score that its sources, or scores before it, have already."""
    others = {column for source in recipe.sources.values() for column in source.scores}
    for earlier in recipe.scores:
        if earlier == name:
            break
        others.update(recipe.scored_columns(earlier))
    return next((column for column in recipe.scored_columns(name) if column in others), None)


def _references(path: Path, score: NgramPerplexity, recipe: Recipe) -> Iterator[Mistake]:
    for index, name in enumerate(score.reference):
        place: Path = (*path, "reference", index)
        if name not in recipe.sources:
            yield no_source(place, name, list(recipe.sources))
        elif name in recipe.scored_sources(score):
            what = f"{name!r} would be scored by a model that was trained on it"
            mend = "Give it 'role: reference', or name the others in the score's `sources`."
            yield Mistake(place, what, mend)


def _precedence(recipe: Recipe) -> Iterator[Mistake]:
    for index, name in enumerate(recipe.deduplication.precedence):
        path: Path = ("deduplication", "precedence", index)
        if name not in recipe.trained_sources:
            yield no_source(path, name, list(recipe.trained_sources), role="trained ")
        elif recipe.deduplication.precedence.index(name) < index:
            yield Mistake(path, f"{name!r} stands twice")


def _selection(recipe: Recipe) -> Iterator[Mistake]:
    for name, selection in recipe.selection.items():
        path: Path = ("selection", name)
        if name not in recipe.trained_sources:
            yield no_source(path, name, list(recipe.trained_sources), role="trained ")
            continue
        known = recipe.columns_of(name)
        for place, column in _named_columns(selection):
            if column not in known:
                what = f"source {name!r} has no score {column!r}"
                mend = nearest(column, known, kind="Its scores")
                mend = mend or f"Compute it under `scores`, or name it in sources.{name}.scores."
                yield Mistake((*path, *place), what, mend)


def _named_columns(selection: Selection) -> Iterator[tuple[Path, str]]:
    """Give each column that a selection reads, with its place."""
    if isinstance(selection, CombinedSelection):
        for index, score in enumerate(selection.scores):
            yield ("scores", index, "column"), score.column
    elif not isinstance(selection, RandomSelection):
        yield ("column",), selection.column
    if isinstance(selection, Budgeted) and selection.quotas is not None:
        yield ("quotas", "column"), selection.quotas.column


def _batches(recipe: Recipe) -> Iterator[Mistake]:
    training, context = recipe.training, recipe.order.context
    named = {
        "batch_tokens": training.batch_tokens,
        "micro_batch_tokens": training.micro_batch_tokens,
    }
    whole = True
    for name, tokens in named.items():
        if tokens is not None and (tokens == 0 or tokens % context):
            whole = False
            near = max(1, round(tokens / context)) * context
            what = f"{tokens} is not a multiple of order.context ({context})"
            yield Mistake(("training", name), what, f"The nearest is {near}.")
    micro = training.micro_batch_tokens
    if whole and micro is not None and training.batch_tokens % micro:
        what = f"batch_tokens ({training.batch_tokens}) is not a multiple of {micro}"
        yield Mistake(("training", "micro_batch_tokens"), what)


def _optimizer(recipe: Recipe) -> Iterator[Mistake]:
    yield from _schedules(recipe)
    yield from _low_bit(recipe)
    for index, beta in enumerate(recipe.training.betas):
        if not 0 <= beta < 1:
            what = f"must be at least 0 and below 1, not {beta}"
            yield Mistake(("training", "betas", index), what)


def _low_bit(recipe: Recipe) -> Iterator[Mistake]:
    training = recipe.training
    if training.weights == "bf16" and training.precision == "fp32":
        what = "weights that are kept in bf16 cannot be multiplied in fp32"
        yield Mistake(("training", "weights"), what, "Take precision: auto, or weights: fp32.")
    for name, asked in {"pull": training.pull > 0, "average": training.average}.items():
        if training.weights == "bf16" and asked:
            what = f"{name} takes small steps, which weights in bf16 would lose"
            yield Mistake(("training", name), what, "Take weights: fp32, or leave it out.")
    if training.precision != "fp8":
        return
    if recipe.order.context % 16:
        what = "fp8 takes rows of a multiple of 16 tokens"
        yield Mistake(("order", "context"), what, "Take precision: bf16, or another context.")
    if training.method.type == "lora":
        what = "adapters are too small to be multiplied in fp8"
        yield Mistake(("training", "precision"), what, "Take precision: bf16, or another method.")


def _schedules(recipe: Recipe) -> Iterator[Mistake]:
    budgets = [phase.tokens for phase in recipe.order.phases]
    whole = None if None in budgets else sum(tokens or 0 for tokens in budgets)
    places: list[tuple[Path, Schedule | None, int | None]] = [
        (("order", "phases", number, "schedule"), phase.schedule, phase.tokens)
        for number, phase in enumerate(recipe.order.phases)
    ]
    for path, schedule, tokens in [
        *places,
        (("training", "schedule"), recipe.training.schedule, whole),
    ]:
        what = schedule and overlong(schedule.stretches(), tokens)
        if what:
            yield Mistake(path, what)
    yield from _early_decay(recipe, whole)


def _early_decay(recipe: Recipe, whole: int | None) -> Iterator[Mistake]:
    training, path = recipe.training, ("training", "decay_from")
    if training.decay_from is None:
        return
    for number, phase in enumerate(recipe.order.phases, start=1):
        if phase.schedule is not None:
            what = f"phase {number} has a schedule of its own, which knows of no early decay"
            yield Mistake(path, what, "Take one of the two out.")
            return
    schedule, step = training.schedule, training.batch_tokens
    misplaced = misplaced_decay(schedule, training.decay_from, whole, step=step)
    if misplaced:
        decaying = isinstance(schedule, WarmupStableDecay | Infinite)
        mend = "" if decaying else "Take `type: wsd` or `type: infinite`."
        yield Mistake(path, misplaced, mend)


def _probes(recipe: Recipe) -> Iterator[Mistake]:
    probes = recipe.probing.probes
    path: Path = ("probing", "probes")
    if not probes:
        yield Mistake(
            path, "there is no probe; a run must measure its model", "Leave 'probes' out."
        )
    held_out = [name for name, s in recipe.trained_sources.items() if s.held_out > 0]
    loss_probes = [i for i, probe in enumerate(probes) if isinstance(probe, BitsPerByte)]
    if loss_probes and not held_out:
        mend = "Give a source 'held_out: 2%', or write other probes."
        yield Mistake(
            (*path, loss_probes[0]),
            "bits per byte needs held-out text, and no source has any",
            mend,
        )
    for _, again in pairwise(loss_probes):
        yield Mistake((*path, again), "bits_per_byte stands twice", "It measures every source.")
    yield from _perplexity_probes(recipe, held_out)
    yield from _harness_probes(recipe)
    named = {i: probe.name for i, probe in enumerate(probes) if isinstance(probe, MultipleChoice)}
    counts = Counter(named.values())
    for index, name in named.items():
        if counts[name] > 1:
            yield Mistake((*path, index, "name"), f"two probes are called {name!r}")
        elif name in recipe.sources:
            what = f"{name!r} is a source's name already"
            yield Mistake((*path, index, "name"), what, "Measurements go by this name.")


def _harness_probes(recipe: Recipe) -> Iterator[Mistake]:
    for index, probe in enumerate(recipe.probing.probes):
        if not isinstance(probe, Harness):
            continue
        path: Path = ("probing", "probes", index)
        if not probe.tasks and probe.suite is None:
            yield Mistake(path, "no task is named", "Give `tasks`, or a `suite`.")
        for number, task in enumerate(probe.tasks):
            if probe.role is None and (isinstance(task, str) or task.role is None):
                name = task if isinstance(task, str) else task.task
                what = f"{name!r} has no role"
                mend = "Write `role: domain` or `role: general`, for it or for the whole probe."
                yield Mistake((*path, "tasks", number), what, mend)


def _logging(recipe: Recipe) -> Iterator[Mistake]:
    types = [tracker.type for tracker in recipe.logging]
    for index, name in enumerate(types):
        if name in types[:index]:
            yield Mistake(("logging", index, "type"), f"{name!r} stands twice")


def _watch(recipe: Recipe) -> Iterator[Mistake]:
    if not recipe.training.watch.gradients:
        return
    for role in ("domain", "general"):
        if not any(recipe.sources[name].held_out > 0 for name in _sources(recipe, role)):
            what = f"no {role} source has held-out text whose gradient could be looked at"
            mend = f"Give a {role} source 'held_out: 2%', or take the setting out."
            yield Mistake(("training", "watch", "gradients"), what, mend)


def _perplexity_probes(recipe: Recipe, held_out: list[str]) -> Iterator[Mistake]:
    columns = {column for name in held_out for column in recipe.columns_of(name)}
    scores = recipe.scores.items()
    labels = [name for name, score in scores if name in columns and gives_labels(score)]
    seen: set[str | None] = set()
    for index, probe in enumerate(recipe.probing.probes):
        if not isinstance(probe, Perplexity):
            continue
        path: Path = ("probing", "probes", index)
        if not held_out:
            mend = "Give a source 'held_out: 2%', or write other probes."
            what = "perplexity needs held-out text, and no source has any"
            yield Mistake(path, what, mend)
        elif probe.by is not None and probe.by not in labels:
            what = f"no source that holds text out has a column {probe.by!r}"
            if probe.by in columns:
                what = f"{probe.by!r} is a column of numbers, not of labels"
            mend = nearest(probe.by, labels, kind="Columns of labels")
            mend = mend or "Compute labels under `scores`, such as a topic."
            yield Mistake((*path, "by"), what, mend)
        elif probe.by in seen:
            by = "" if probe.by is None else f" by {probe.by!r}"
            yield Mistake(path, f"perplexity{by} stands twice", "It measures every source.")
        seen.add(probe.by)


def _sources(recipe: Recipe, role: str) -> list[str]:
    return [name for name, source in recipe.sources.items() if source.role == role]
