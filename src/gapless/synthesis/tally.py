"""The tally of a job: every request is a document, or falls for one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from gapless.endpoints import Answer
from gapless.recipe.syntheses import Synthesis
from gapless.synthesis.draft import Draft, Seed

REJECTED = "rejected.jsonl"
_BEGINNING_CHARACTERS = 300

Facts = dict[str, Any]


class Tally:
    """Counts, and writes down what falls: key, reason, detail, label, language, beginning."""

    def __init__(self, folder: Path, spec: Synthesis) -> None:
        self._file = (folder / REJECTED).open("wb")
        self._spec = spec
        self._reasons: Counter[str] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._documents: Counter[tuple[str, str]] = Counter()
        self._flags: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[str] = Counter()
        self._models: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def asked(self, seeds: Sequence[Seed], answer: Answer) -> None:
        """Count a request that was to become a document."""
        self._requests[seeds[-1].label, seeds[-1].language] += 1
        self.spent(answer)

    def spent(self, answer: Answer) -> None:
        """Count what an answer cost; one that the server did not meter counts apart."""
        self._models[answer.model] += 1
        if answer.prompt_tokens < 0 or answer.completion_tokens < 0:
            self._tokens["unmetered"] += 1
            return
        self._tokens["prompt"] += answer.prompt_tokens
        self._tokens["completion"] += answer.completion_tokens

    def rejects(self, draft: Draft, reason: str | None, detail: str) -> bool:
        """Write a draft down if there is a reason against it, and say whether there is."""
        if reason is not None:
            text = "\n\n".join(draft.sections.values())
            self._reject(draft.key, reason, detail, draft.label, draft.language, text)
        return reason is not None

    def reject_answer(
        self, answer: Answer, seeds: Sequence[Seed], reason: str, detail: str
    ) -> None:
        """Write an answer down that is not even a draft."""
        self._reject(answer.key, reason, detail, seeds[-1].label, seeds[-1].language, answer.text)

    def _reject(self, key: str, reason: str, detail: str, *about: str) -> None:
        label, language, text = about
        self._reasons[reason] += 1
        row = {
            "id": key,
            "reason": reason,
            "detail": detail,
            "label": label,
            "language": language,
            "beginning": text[:_BEGINNING_CHARACTERS],
        }
        self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def documented(self, draft: Draft, flags: Sequence[tuple[str, str]]) -> None:
        """Count a document, and what goes with it."""
        self._documents[draft.label, draft.language] += 1
        self._flags.update(flags)

    def facts(self) -> Facts:
        """Return all counts; every request is in ``documents`` or under one of ``rejected``."""
        requests, documents = self._requests.total(), self._documents.total()
        assert requests == documents + self._reasons.total()
        return {
            "requests": requests,
            "documents": documents,
            "rejected": dict(self._reasons.most_common()),
            "labels": [
                {
                    "label": label,
                    "language": language,
                    "requests": count,
                    "documents": self._documents[label, language],
                }
                for (label, language), count in sorted(self._requests.items())
            ],
            "flags": [[*flag, count] for flag, count in sorted(self._flags.items())],
            "models": dict(self._models.most_common()),
            "prompt_tokens": self._tokens["prompt"],
            "completion_tokens": self._tokens["completion"],
            "unmetered": self._tokens["unmetered"],
            "cost": self._cost(),
        }

    def _cost(self) -> list[Any] | None:
        """Return amount and currency, by the recipe's price."""
        price = self._spec.endpoint.price
        if price is None:
            return None
        amount = (
            self._tokens["prompt"] * price.prompt + self._tokens["completion"] * price.completion
        ) / 1e6
        return [amount, price.currency]
