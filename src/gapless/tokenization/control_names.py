"""Control tokens come from the template alone: their names within a turn are text.

A template makes one text of its own control tokens and of what people wrote, and the tokenizer
cannot tell them apart. So the names in the turns are hidden before the template sees them: the
first letter of each becomes a character for private use that stands nowhere else. What the template
makes of that has the same length, and its control tokens are the template's. The rest is
encoded as text, the letters put back.

Hidden are, in all turns, the special tokens, and but for answers also the added tokens that the
template names. An answer may think (`<think>`, no special token) where its model does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from gapless.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

Turn = dict[str, str]
"""``role`` and ``content``."""
Tokens = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ids (uint32) and the characters where each begins and ends (int64)."""

_PRIVATE = range(0x100000, 0x10FFFE)


@dataclass(frozen=True)
class Hidden:
    """A conversation whose names of control tokens are hidden."""

    messages: list[Turn]
    letters: Mapping[int, str]
    """Stand-in (its code) to the letter it stands for; empty where nothing is hidden."""

    @property
    def has_names(self) -> bool:
        """Whether something is hidden."""
        return bool(self.letters)


class ControlNames:
    """The names of a tokenizer's control tokens, and how text without them is encoded."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, template: str) -> None:
        settings: dict[str, Any] = orjson.loads(tokenizer.backend_tokenizer.to_str())
        settings["post_processor"] = None  # it would shorten the places of tokens
        added = settings["added_tokens"]
        special = {each["content"] for each in added if each["special"]}
        named = {each["content"] for each in added if each["content"] in template}
        self._in_answers, self._elsewhere = _firsts(special), _firsts(special | named)
        self._firsts = sorted({name[0] for name in special | named})
        self._all = tuple(each["content"] for each in added)
        self._ids = [int(each["id"]) for each in added]
        self._pieces = _pieces(added)
        self._whole = _backend(settings, as_text=False)
        self._text = _backend(
            settings | {"added_tokens": [each | {"special": True} for each in added]}, as_text=True
        )
        self._is_equal = True

    def compare(self, text: str) -> None:
        """Learn from a text of the template whether its pieces give the ids that it gives whole."""
        whole, pieces = self._as_whole([text])[0], self._in_pieces(text, {})
        self._is_equal = np.array_equal(whole[0], pieces[0])

    def hide(self, messages: list[Turn]) -> Hidden:
        """Hide the names in the turns."""
        patterns = [
            self._in_answers if turn["role"] == "assistant" else self._elsewhere
            for turn in messages
        ]
        turns = list(zip(patterns, messages, strict=True))
        if not any(pattern.search(turn["content"]) for pattern, turn in turns):
            return Hidden(messages, {})
        used = set().union(*(turn["content"] for turn in messages))
        free = (chr(code) for code in _PRIVATE if chr(code) not in used)
        stand_ins = dict(zip(self._firsts, free, strict=False))
        hidden = [
            turn | {"content": pattern.sub(lambda found: stand_ins[found[0]], turn["content"])}
            for pattern, turn in turns
        ]
        return Hidden(hidden, {ord(stand_in): first for first, stand_in in stand_ins.items()})

    def end_of_turn(self, text: str, start: int, end: int) -> int:
        """Return where a turn ends: after its last control token, if only white space follows."""
        kept = text[start:end].rstrip()
        return start + len(kept) if kept.endswith(self._all) else end

    def encode(self, texts: Sequence[str], hidden: Sequence[Hidden]) -> Iterator[Tokens]:
        """Give the tokens of each text that a template made of hidden names.

        Raises:
            DataError: a text has hidden names, and the tokenizer does not encode it piece by piece.

        """
        clean = [text for text, each in zip(texts, hidden, strict=True) if not each.has_names]
        whole = iter(self._as_whole(clean))
        for number, (text, each) in enumerate(zip(texts, hidden, strict=True)):
            if not each.has_names:
                yield next(whole)
                continue
            if not self._is_equal:
                raise DataError(
                    "the conversation holds the name of a control token, and this tokenizer cannot "
                    "be made to read it as text",
                    where=str(number),
                    mend="Take the name out of the conversation.",
                )
            yield self._in_pieces(text, each.letters)

    def _as_whole(self, texts: Sequence[str]) -> list[Tokens]:
        """Return what the tokenizer makes of whole texts."""
        found = self._whole.encode_batch(list(texts), add_special_tokens=False)
        return [_tokens(each.ids, each.offsets) for each in found]

    def _in_pieces(self, text: str, letters: Mapping[int, str]) -> Tokens:
        """Return the same of the pieces between control tokens, with letters put back."""
        parts, at = [], 0
        for found in self._pieces.finditer(text):
            parts.append(self._piece(text[at : found.start()], letters, at))
            assert found.lastgroup is not None
            own = [self._ids[int(found.lastgroup[1:])]]
            parts.append(_tokens(own, [found.span()]))
            at = found.end()
        parts.append(self._piece(text[at:], letters, at))
        ids, begins, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
        return ids, begins, ends

    def _piece(self, text: str, letters: Mapping[int, str], at: int) -> Tokens:
        found = self._text.encode(text.translate(letters), add_special_tokens=False)
        ids, begins, ends = _tokens(found.ids, found.offsets)
        return ids, begins + at, ends + at


def _tokens(ids: Sequence[int], places: Sequence[tuple[int, int]]) -> Tokens:
    spans = np.array(places, np.int64).reshape(-1, 2)
    return np.array(ids, np.uint32), spans[:, 0], spans[:, 1]


def _firsts(names: Iterable[str]) -> re.Pattern[str]:
    """Match the first letter of every name, wherever one begins."""
    choice = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(f"(?=(?:{choice})).", re.DOTALL) if choice else re.compile("(?!)")


def _pieces(added: Sequence[Mapping[str, Any]]) -> re.Pattern[str]:
    """Match an added token as the tokenizer does: the longest, with the white space it takes."""
    order = sorted(range(len(added)), key=lambda number: -len(added[number]["content"]))
    choices = []
    for number in order:
        left, right = (r"\s*" * bool(added[number][side]) for side in ("lstrip", "rstrip"))
        choices.append(f"(?P<t{number}>{left}{re.escape(added[number]['content'])}{right})")
    return re.compile("|".join(choices) or "(?!)")


def _backend(settings: Mapping[str, Any], *, as_text: bool) -> Tokenizer:
    """Return the tokenizer of the settings; ``as_text``: names of special tokens are text."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(orjson.dumps(settings).decode())
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = as_text
    return backend
