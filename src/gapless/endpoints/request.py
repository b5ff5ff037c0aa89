"""What is asked of a chat model, and what it answered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Finish = Literal["stop", "length", "refused"]
"""How an answer ended: by itself, at the limit of tokens, or the server would not give one."""


@dataclass(frozen=True)
class Sampling:
    """How a model chooses its words."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 1024
    seed: int = 0
    """Two requests alike but for it are two samples."""


@dataclass(frozen=True)
class Request:
    """One question to a chat model."""

    messages: tuple[tuple[str, str], ...]
    """Role (``system``, ``user``, ``assistant``) and text, in order."""
    model: str
    sampling: Sampling = Sampling()
    fields: tuple[str, ...] = ()
    """Names of the texts wanted, for servers that can be held to a JSON schema."""

    def body(self) -> dict[str, Any]:
        """Return the body of ``/chat/completions``, without a format for the answer."""
        return {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in self.messages],
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_tokens,
            "seed": self.sampling.seed,
        }

    @cached_property
    def key(self) -> str:
        """The hash of everything that the answer depends on: where the server is does not count."""
        told = json.dumps([self.body(), self.fields], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Answer:
    """What a model answered, and what it cost."""

    key: str
    """The request's."""
    text: str
    """Empty when it was refused; then ``detail`` has the server's words."""
    finish: Finish
    model: str
    """As the server calls it."""
    prompt_tokens: int
    completion_tokens: int
    detail: str = ""
