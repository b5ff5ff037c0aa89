"""Places in a recipe: paths as people write them, and the line or ``--set`` that each came from."""

from collections.abc import Iterator
from dataclasses import dataclass, field

Key = str | int
Path = tuple[Key, ...]


def spell(path: Path) -> str:
    """Return a path in the user's spelling: ``order.phases[0].mixture``.

    A key with control characters, which could steer a terminal, is written with escapes.
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            plain = key if key.isprintable() else repr(key)[1:-1]
            text += f".{plain}" if text else plain
    return text


def values(tree: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield every place of a tree of dicts and lists with what stands there, outer ones first."""
    yield path, tree
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from values(value, (*path, key))
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from values(value, (*path, index))


@dataclass
class Origins:
    """Where each place of a recipe was written; an unknown place has its parent's origin."""

    whole: str
    """The recipe's own name: its file as the user spelled it."""
    known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return the origin of the nearest place at or above ``path``."""
        return self.known.get(self._nearest(path), self.whole)

    def rank(self, path: Path) -> int:
        """Return how many places come before ``path`` in the recipe."""
        near = self._nearest(path)
        return list(self.known).index(near) if near else -1

    def where(self, path: Path) -> str:
        """Return origin and path, as a message shows them."""
        return f"{self.of(path)}: {spell(path)}" if path else self.of(path)

    def replace(self, path: Path, tree: object, origin: str) -> None:
        """Forget what lay at and below ``path``; all of ``tree`` there comes from ``origin``."""
        for old in [known for known in self.known if known[: len(path)] == path]:
            del self.known[old]
        self.known.update({place: origin for place, _ in values(tree, path)})

    def _nearest(self, path: Path) -> Path:
        ends = range(len(path), 0, -1)
        return next((path[:end] for end in ends if path[:end] in self.known), ())
