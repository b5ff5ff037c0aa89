"""The stages of syntheses: what a language model writes from the documents of sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gapless.errors import DataError
from gapless.recipe import Recipe
from gapless.recipe.endpoints import NOT_ANSWERS
from gapless.recipe.probes import MultipleChoice
from gapless.recipe.syntheses import CodeQA, Labels, ScienceQA, Seeds, Synthesis
from gapless.recipe.synthesis_checks import seed_sources
from gapless.records.documents import batches
from gapless.records.documents import parts as document_parts
from gapless.records.scores import read_scores
from gapless.workflow.base_model import BaseModel
from gapless.workflow.scores import ScoreStages
from gapless.workflow.stage import Stage, Workplace, told_at, words_version
from gapless.workflow.tasks import read_tasks

if TYPE_CHECKING:
    import pyarrow as pa

    from gapless.endpoints import Answers, Asked, Request
    from gapless.synthesis import Job, Labeller, Seed

SYNTHESIS = "synthesis"
WRITTEN = "documents.jsonl"
_BYTES_PER_ANSWER = 1500
"""UTF-8 bytes of one that is not written yet: 250 to 350 words."""
_SECONDS_BETWEEN_WORDS = 5.0


class WaitingForAnswers(Exception):  # noqa: N818 - nothing is wrong: a file waits
    """Requests were written to a file, and their answers are to be brought."""

    def __init__(self, name: str, count: int, file: Path) -> None:
        self.name, self.count, self.file = name, count, file
        super().__init__(f"{name}: {count} requests wait in {file}")


def synthesis_bytes(spec: Synthesis) -> int:
    """Return about how many bytes of text a synthesis gives."""
    return spec.requests * _BYTES_PER_ANSWER


def writings(
    recipe: Recipe, documents: Mapping[str, Stage], *, model: BaseModel, place: Workplace
) -> dict[str, Writing]:
    """Return a recipe's syntheses by name; ``documents`` are of sources that people wrote."""
    return {name: Writing(name, recipe, documents, model, place) for name in recipe.synthesis}


@dataclass(frozen=True)
class Writing:
    """One synthesis of a recipe, at one place."""

    name: str
    recipe: Recipe
    documents: Mapping[str, Stage]
    model: BaseModel
    place: Workplace

    @property
    def spec(self) -> Synthesis:
        """What the recipe says of it."""
        return self.recipe.synthesis[self.name]

    @property
    def draws(self) -> str:
        """The name that seeds and samples are drawn by."""
        return self.spec.draws or self.name

    @property
    def where(self) -> str:
        """Its place in the recipe."""
        return f"synthesis.{self.name}"

    @cached_property
    def stage(self) -> Stage:
        """The stage that asks for what is missing, and writes documents and rejections."""

        def work(stage: Stage, folder: Path) -> dict[str, Any]:
            from gapless.endpoints import Answers

            with Answers(self.place.answers) as answers:
                return self.write(folder, answers, self.asking(stage.label, answers))

        spec = self.spec
        return Stage(
            kind=SYNTHESIS,
            subject=self.name,
            version=2,
            root=self.place.root,
            part={
                "spec": spec.model_dump(mode="json", exclude={"endpoint": set(NOT_ANSWERS)}),
                "seed": self.recipe.seed,
                "prompts": _prompts(spec),
                "words": words_version(),
            },
            inputs={f"documents.{name}": self.documents[name] for name in seed_sources(spec)}
            | {stage.label: stage for stage in self._labels.values()},
            content=self._content(),
            work=work,
        )

    def write(
        self,
        folder: Path,
        answers: Answers,
        ask: Callable[[Iterable[Request]], None],
        *,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Write documents and rejections of the first ``limit`` requests, or of all."""
        from gapless.synthesis import write_documents

        with told_at(self.where):
            return write_documents(self.job(answers, ask, limit=limit), folder)

    def job(
        self,
        answers: Answers,
        ask: Callable[[Iterable[Request]], None],
        *,
        limit: int | None = None,
    ) -> Job:
        """Return the job; the seeds' documents must be there."""
        from gapless.synthesis import Job

        return Job(
            name=self.draws,
            spec=self._located(),
            seed=self.recipe.seed,
            seeds=self._seeds(),
            items=self._items(),
            answers=answers,
            ask=ask,
            limit=limit,
        )

    def check(self) -> None:
        """Refuse what could not be asked or checked, before documents are prepared for it.

        Raises:
            DataError: the endpoint's address is none, or its key is not there.
            SandboxError: code is to be run, and nothing here can hold it.

        """
        from gapless.endpoints import check_endpoint
        from gapless.sandbox import Sandbox

        if self.place.requests_to is None:
            check_endpoint(self.spec.endpoint, f"{self.where}.endpoint")
        if isinstance(self.spec.form, CodeQA):
            Sandbox.choose()

    def asking(self, label: str, answers: Answers) -> Callable[[Iterable[Request]], None]:
        """Return what gets answers: over the network, or by a file of requests."""
        batches_to = self.place.requests_to
        return self._online(label, answers) if batches_to is None else self._batch(answers)

    def _online(self, label: str, answers: Answers) -> Callable[[Iterable[Request]], None]:
        from gapless.endpoints import ask

        def asked(requests: Iterable[Request]) -> None:
            done = ask(
                requests,
                self.spec.endpoint,
                answers,
                where=f"{self.where}.endpoint",
                told=_Teller(label, self.spec.requests, self.place.told),
                stop=self.place.engine.stop,
            )
            if done.stopped:
                raise KeyboardInterrupt

        return asked

    def _batch(self, answers: Answers) -> Callable[[Iterable[Request]], None]:
        from gapless.endpoints import write_requests

        assert self.place.requests_to is not None
        file = self.place.requests_to / f"{self.name}.jsonl"

        def written(requests: Iterable[Request]) -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            held = self.spec.endpoint.structured == "json_schema"
            count = write_requests(requests, answers, file, structured=held)
            if count:
                raise WaitingForAnswers(self.name, count, file)
            file.unlink()

        return written

    @cached_property
    def _labels(self) -> dict[str, Stage]:
        """Return source to the score that tells its documents' labels, where seeds go by one."""
        form = self.spec.form
        if not (isinstance(form, ScienceQA) and isinstance(form.by, Labels)):
            return {}
        name = form.by.score
        alone = self.recipe.model_copy(update={"scores": {name: self.recipe.scores[name]}})
        stages = ScoreStages.of(alone, self.documents, model=self.model, place=self.place)
        return {source: stages.scores[name, source] for source in form.seeds.sources}

    def _content(self) -> dict[str, str]:
        """Return the fingerprints of files: the pool of problems, and evaluation items."""
        form, hashes = self.spec.form, self.place.hashes
        files = {f"task.{p.name}": self._exam(p) for p in self._exams()}
        if isinstance(form, CodeQA) and form.problems is not None:
            files["problems"] = self._problems(form.problems)
        tasks = read_tasks(self.recipe, self.place)
        return {name: hashes.of_file(path) for name, path in files.items()} | {
            f"task.{name}": task.fingerprint for name, task in tasks.items()
        }

    def _located(self) -> Synthesis:
        """Return what the recipe says, with the place of the problems on this machine."""
        form = self.spec.form
        if not isinstance(form, CodeQA) or form.problems is None:
            return self.spec
        found = form.model_copy(update={"problems": str(self._problems(form.problems))})
        return self.spec.model_copy(update={"form": found})

    def _problems(self, path: str) -> Path:
        return self.place.file(path, f"{self.where}.form.problems")

    def _exams(self) -> list[MultipleChoice]:
        return [p for p in self.recipe.probing.probes if isinstance(p, MultipleChoice)]

    def _exam(self, probe: MultipleChoice) -> Path:
        return self.place.file(probe.path, f"probing.probes ({probe.name})")

    def _items(self) -> list[str]:
        """Return the texts of all evaluation items."""
        from gapless.evaluation import read_questions

        items = [
            question.question
            for probe in self._exams()
            for question in read_questions(self._exam(probe))
        ]
        tasks = read_tasks(self.recipe, self.place).values()
        return items + [item.text for task in tasks for item in task.task_items]

    def _seeds(self) -> list[Seed]:
        """Return the seeds of the form, in the order of the requests; of code QA, none."""
        from gapless.synthesis import deal, seeds_of

        form, spec = self.spec.form, self.spec
        if isinstance(form, CodeQA):
            return []
        documents = self._documents(form.seeds)
        seed, name = self.recipe.seed, self.draws
        found = seeds_of(documents, form.seeds, spec.languages, seed=seed, name=name)
        labels = form.disciplines if isinstance(form, ScienceQA) else ("",)
        dealt = deal(found, labels, spec.requests, seed=seed, name=name)
        if not dealt:
            raise DataError(
                "no document is a seed",
                where=f"{self.where}.form.seeds",
                mend="Name sources with longer texts, lower min_characters, or tell disciplines "
                "otherwise (`by`).",
            )
        return dealt

    def _documents(self, seeds: Seeds) -> Iterator[tuple[str, str, str, str]]:
        """Give source, id, text and discipline of every document that may be a seed."""
        from gapless.synthesis import labeller

        form = self.spec.form
        tell = labeller(form.by) if isinstance(form, ScienceQA) else None
        for source in seeds.sources:
            labels = self._labels.get(source)
            read = None if labels is None else read_scores(labels.path)
            first = 0
            for part in document_parts(self.documents[source].path):
                for rows in batches(part, ["id", "work", "text", "held_out"]):
                    given = None if read is None else read[first : first + len(rows)]
                    first += len(rows)
                    for document, text, label in _labelled(rows, tell, given):
                        yield source, document, text, label


def _labelled(
    rows: pa.RecordBatch, tell: Labeller | None, given: Any
) -> Iterator[tuple[str, str, str]]:
    """Give id, text and discipline of documents that are not held out and have a discipline.

    Without ``tell``, disciplines do not matter; ``given`` are the labels of a score, if one tells.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pa.array([""] * len(rows), pa.string())
    if tell is not None:
        texts = rows.column("text").cast(pa.large_string())
        column = None if given is None else pa.array(given.tolist(), pa.string())
        names = tell(rows.column("work"), texts, column)
    wanted = pc.and_(pc.invert(rows.column("held_out")), pc.is_valid(names))
    chosen = rows.filter(wanted)
    columns = (chosen.column(name).to_pylist() for name in ("id", "text"))
    yield from zip(*columns, names.filter(wanted).to_pylist(), strict=True)


def _prompts(spec: Synthesis) -> list[str]:
    """Return what the prompts of a synthesis are known by."""
    from gapless.synthesis import prompt_versions

    return prompt_versions(spec)


class _Teller:
    """Says now and then how many answers have come."""

    def __init__(self, label: str, requests: int, told: Callable[[str, str], None]) -> None:
        self._label, self._requests, self._told = label, requests, told
        self._last = time.monotonic()

    def __call__(self, asked: Asked) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_WORDS:
            return
        self._last = now
        pace = asked.asked / max(asked.seconds, 1e-9)
        self._told(
            self._label,
            f"{asked.asked + asked.already:,} of {self._requests:,} answered, {pace:.2g} a second",
        )
