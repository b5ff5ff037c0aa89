"""The blocks of code of a page, with what the page's source says about running them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"```(\w*)(?: title=\"([^\"]+)\")?$")
MARK = re.compile(r"<!-- (not run|not planned|needs): (.+) -->$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code; ``mark`` is the comment on the line above it, if that is one of ours."""

    page: Path
    line: int
    language: str
    title: str
    code: str
    mark: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the page's blocks in order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if opening:
            end = lines.index("```", number + 1)
            mark = MARK.match(lines[number - 1]) if number else None
            block = Block(
                page=page,
                line=number + 1,
                language=opening[1],
                title=opening[2] or "",
                code="\n".join(lines[number + 1 : end]) + "\n",
                mark=mark[1] if mark else "",
                reason=mark[2] if mark else "",
            )
            found.append(block)
            number = end
        number += 1
    return found


def commands(block: Block) -> list[str]:
    """Return the commands of a block of shell, continued lines joined, without comments."""
    joined = block.code.replace("\\\n", " ").splitlines()
    bare = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined]
    return [line for line in bare if line]
