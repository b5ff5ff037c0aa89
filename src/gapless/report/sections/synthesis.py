"""Synthesis: what a language model wrote, and why the rest of it was thrown away."""

from dataclasses import dataclass

from gapless.report.content import Content
from gapless.report.numbers import percent
from gapless.report.synthesis_content import RejectionContent, SynthesisContent
from gapless.report.templating import Section, fill


@dataclass(frozen=True)
class Rejection:
    """A reason, with its part of the requests."""

    content: RejectionContent
    share: str


@dataclass(frozen=True)
class Job:
    """A synthesis as it is shown."""

    content: SynthesisContent
    kept: str
    labels: tuple[tuple[str, str, int, int, str], ...]
    """Label, language, requests, documents, the share kept."""
    rejections: tuple[Rejection, ...]


def build(content: Content) -> Section | None:
    """Make the tables of what was written and thrown away; None when nothing was."""
    if not content.syntheses:
        return None
    html = fill("synthesis", jobs=[_job(each) for each in content.syntheses])
    return Section("synthesis", "Synthesis", html)


def _job(job: SynthesisContent) -> Job:
    return Job(
        content=job,
        kept=_share(job.documents, job.requests),
        labels=tuple(
            (
                each.label.replace("_", " "),
                each.language,
                each.requests,
                each.documents,
                _share(each.documents, each.requests),
            )
            for each in job.labels
        ),
        rejections=tuple(
            Rejection(each, _share(each.count, job.requests)) for each in job.rejections
        ),
    )


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else ""
