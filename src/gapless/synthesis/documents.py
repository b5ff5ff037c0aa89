"""Drafts that passed, as documents with all that is known of where they come from.

    documents.jsonl   id, work, text, messages, form, label, language, seeds, prompt, model,
                      sampling, prompt_tokens, completion_tokens, flags, corrupted

``work`` is the document that the seed is of: held out by it, no text is learnt from whose siblings
are measured. ``messages`` are the same words as a conversation; a text without a question has none.
``corrupted`` is null unless the recipe spoils documents on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from gapless.synthesis.forms import prompt_versions
from gapless.synthesis.kept import Kept, KeptFile
from gapless.synthesis.sections import as_messages, as_text

if TYPE_CHECKING:
    from pathlib import Path

    from gapless.synthesis.corruption import Corrupted, Document
    from gapless.synthesis.tally import Tally
    from gapless.synthesis.write import Job

WRITTEN = "documents.jsonl"


def write_all(kept: KeptFile, job: Job, folder: Path, tally: Tally) -> None:
    """Write one row per document, in order."""
    with (folder / WRITTEN).open("wb") as file:
        for each, spoilt in _with_corruption(kept, job):
            row = _row(each, spoilt, job)
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            flags = [*each.flags.items()]
            if spoilt is not None:
                flags.append(("corrupted", spoilt.way or _left(spoilt)))
            tally.documented(each.draft, flags)


def _left(spoilt: Corrupted) -> str:
    return "no" if spoilt.can_change else "nothing to change"


def _with_corruption(kept: KeptFile, job: Job) -> Iterator[tuple[Kept, Corrupted | None]]:
    from gapless.synthesis.corruption import corrupt

    if job.spec.corruption is None:
        yield from ((each, None) for each in kept.rows())
        return
    spoilt = corrupt(_Documents(kept), job.spec.corruption, job.seed, job.name)
    yield from zip(kept.rows(), spoilt, strict=True)


@dataclass(frozen=True)
class _Documents:
    """The drafts as corruption wants them, anew at each pass."""

    kept: KeptFile

    def __iter__(self) -> Iterator[Document]:
        from gapless.synthesis.corruption import Document

        for each in self.kept.rows():
            draft = each.draft
            yield Document(draft.key, as_text(draft), draft.form, draft.sections)


def _row(kept: Kept, spoilt: Corrupted | None, job: Job) -> dict[str, Any]:
    draft = kept.draft
    text, corrupted = as_text(draft), None
    if spoilt is not None and spoilt.way is not None:
        text, draft = spoilt.text, replace(draft, sections=spoilt.sections)
        corrupted = {"way": spoilt.way, "spans": [asdict(span) for span in spoilt.spans]}
    answer = job.answers.get(draft.key)
    assert answer is not None
    return {
        "id": draft.key,
        "work": draft.key if draft.form == "code_qa" else draft.seeds[0].document,
        "text": text,
        "messages": as_messages(draft),
        "form": draft.form,
        "label": draft.label,
        "language": draft.language,
        "seeds": [{k: v for k, v in asdict(seed).items() if k != "text"} for seed in draft.seeds],
        "prompt": prompt_versions(job.spec)[0],
        "model": answer.model,
        "sampling": job.spec.sampling.model_dump(),
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "flags": kept.flags,
        "corrupted": corrupted,
    }
