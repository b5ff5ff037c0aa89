"""Questions and their answers, as conversations, from the definitions of biomedical ontologies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from gapless.assets.extract_ontologies import Term, terms
from gapless.assets.passages import Entry, tidy

_FIRST = ("What is {}?", "Define {}.", "What does the term {} mean?", "Explain briefly: {}.")
_MOST_NAMES = 8


def ontologies(root: Path) -> Iterator[Entry]:
    """Yield conversations about diseases (MONDO) and anatomical structures (UBERON).

    What a user asks is ours, in one of four wordings; what is answered is the ontology's.
    """
    for term in chain(terms(root, "MONDO"), terms(root, "UBERON")):
        turns = [
            {"role": ("user", "assistant")[number % 2], "content": tidy(content)}
            for number, content in enumerate(_turns(term))
        ]
        spoken = [f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns]
        yield Entry(f"questions/{term.name}", "\n\n".join(spoken), {"messages": turns})


def _turns(term: Term) -> Iterator[str]:
    wording = hashlib.blake2b(term.name.encode(), digest_size=1).digest()[0] % len(_FIRST)
    yield _FIRST[wording].format(term.name)
    yield term.sentence()
    if term.parent:
        yield "What is it a kind of?"
        yield f"It is a kind of {term.parent}."
    if names := term.other_names()[:_MOST_NAMES]:
        yield "What else is it called?"
        yield f"It is also called {', '.join(names)}."
