"""YAML as recipes use it: plain data, the line of every place, and no surprises.

Scalars follow YAML 1.2: ``no`` is a word, ``1e-5`` a number, a date is text. Keys are always text.
Duplicate keys, unknown tags and second documents are errors. Nothing but data is ever made.
"""

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gapless.errors import RecipeError
from gapless.recipe.places import Origins, Path

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_MOST_PLACES = 100_000
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
)


class _Loader(yaml.SafeLoader):
    """A safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own shape


class Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back equal; what YAML 1.1 takes for more than text is quoted."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        """Write equal parts out each time they occur."""
        return True


def _represent_text(dumper: Dumper, text: str) -> ScalarNode:
    """Escape the rarer line breaks, which PyYAML's other styles write so that they are lost."""
    rare = any(letter in text for letter in "\x85\u2028\u2029\ufeff")
    return dumper.represent_scalar(_TAG + "str", text, style='"' if rare else None)


Dumper.add_representer(str, _represent_text)
for _name, _pattern, _first in _CORE:
    for _class in (_Loader, Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


def read(text: str, name: str) -> tuple[Any, Origins]:
    """Return the data of a YAML text and the line of each place; messages call the file ``name``.

    Raises:
        RecipeError: the text is not YAML, or not of the kind that recipes use.

    """
    reader = _Reader(name)
    try:
        node = _Loader(text).get_single_node()
        return (None if node is None else reader.value(node, ())), reader.origins
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, name) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character[:1])
        what = f"the character U+{code:04X} is not allowed in YAML"
        raise RecipeError(what, where=f"{name}:{line}", mend="Delete it.") from None
    except RecursionError:
        raise RecipeError("the file is nested too deeply", where=name) from None


class _Reader:
    """Turns nodes into data and remembers where each place was written."""

    def __init__(self, name: str) -> None:
        self.origins = Origins(name)
        self._name = name
        self._open: set[int] = set()

    def value(self, node: Node, path: Path) -> Any:
        self._enter(node)
        try:
            if isinstance(node, ScalarNode):
                return self._scalar(node)
            if isinstance(node, SequenceNode):
                self._expect_tag(node, "seq")
                return [self._item(item, (*path, i)) for i, item in enumerate(node.value)]
            assert isinstance(node, MappingNode)
            self._expect_tag(node, "map")
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _enter(self, node: Node) -> None:
        if id(node) in self._open:
            raise RecipeError("a part contains itself", where=self._line(node))
        if len(self.origins.known) > _MOST_PLACES:
            what = f"the file has more than {_MOST_PLACES} entries"
            raise RecipeError(what, where=self._line(node))
        self._open.add(id(node))

    def _item(self, node: Node, path: Path) -> Any:
        self.origins.known[path] = self._line(node)
        return self.value(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        first_lines: dict[str, str] = {}
        for key_node, value_node in node.value:
            line = self._line(key_node)
            if key_node.tag == _MERGE:
                merged |= self._merged(value_node, path)
                continue
            key = self._key(key_node)
            if key in data:
                where = Origins(line).where((*path, key))
                what = f"the key is written twice, first in line {first_lines[key]}"
                raise RecipeError(what, where=where, mend="Keep one of the two.")
            first_lines[key] = line.rpartition(":")[2]
            self.origins.known[*path, key] = line
            data[key] = self.value(value_node, (*path, key))
        return merged | data

    def _merged(self, node: Node, path: Path) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        data: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, MappingNode):
                raise RecipeError("'<<' takes a mapping", where=self._line(part))
            data = self.value(part, path) | data
        return data

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise RecipeError("a key must be a word", where=self._line(node))
        return str(node.value)

    def _scalar(self, node: ScalarNode) -> Any:
        kind, text = node.tag.removeprefix(_TAG), str(node.value)
        try:
            if kind == "int":
                return int(text.replace("_", ""), 16 if text.lower().startswith("0x") else 10)
            if kind == "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            raise RecipeError(f"{text!r} is not a number", where=self._line(node)) from None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "null":
            return None
        if kind not in {"str", "merge"}:
            self._expect_tag(node, "str")
        return text

    def _expect_tag(self, node: Node, kind: str) -> None:
        if node.tag != _TAG + kind:
            tag = node.tag.replace(_TAG, "!!")
            raise RecipeError(
                f"the tag {tag} is not used in recipes", where=self._line(node), mend="Delete it."
            )

    def _line(self, node: Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"


def _syntax_error(error: yaml.MarkedYAMLError, name: str) -> RecipeError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    where = f"{name}:{line}"
    problem = error.problem or "cannot be read"
    if "'\\t'" in problem:
        return RecipeError(
            "a tab stands where only spaces may", where=where, mend="Indent with spaces."
        )
    if "expected a single document" in str(error):
        return RecipeError(
            "a second document begins here", where=where, mend="Keep one '---' at most."
        )
    context = ""
    if error.context:
        begin = error.context_mark.line + 1 if error.context_mark else line
        context = f" ({error.context}" + (
            f" that begins in line {begin})" if begin != line else ")"
        )
    return RecipeError(f"this is not YAML: {problem}{context}", where=where)
