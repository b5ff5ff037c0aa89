"""Chinese HTML manuals: guides to Debian, the help of LibreOffice, the kernel's documentation.

All in simplified script; what the translators left in English is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from gapless.assets.chinese_prose import Prose, passages
from gapless.assets.extract_html import main_text
from gapless.assets.passages import Entry, group, inside

_GUIDES = {
    "debian-handbook": ("debian-handbook/html/zh-CN", ".html"),
    "debian-reference": ("share/debian-reference", ".zh-cn.html"),
    "debian-faq": ("debian/FAQ/zh-cn", ".zh-cn.html"),
    "installation-guide": ("installation-guide-amd64/zh_CN", ".html"),
    "maint-guide": ("maint-guide-zh-cn/html", ".zh-cn.html"),
    "debmake": ("debmake-doc/html", ".zh-cn.html"),
}
_ALONE, _TOGETHER = 400, 800


def guides(root: Path) -> Iterator[Entry]:
    """Yield six guides to using, installing and packaging Debian."""
    prose = Prose()
    for prefix, (folder, ending) in _GUIDES.items():
        yield from _pages(inside(root, folder), Path(prefix), ending, "body", prose)


def office(root: Path) -> Iterator[Entry]:
    """Yield the help pages of LibreOffice."""
    folder = inside(root, "help/zh-CN/text")
    yield from _pages(folder, Path("libreoffice"), ".html", "#DisplayArea", Prose())


def kernel(root: Path) -> Iterator[Entry]:
    """Yield the simplified Chinese translation of the Linux kernel's documentation."""
    folder = inside(root, "html/translations/zh_CN")
    yield from _pages(folder, Path("kernel"), ".html", "div[role=main]", Prose())


def _pages(folder: Path, prefix: Path, ending: str, selector: str, prose: Prose) -> Iterator[Entry]:
    """Yield each long page as passages, then each folder's short pages, several together."""
    for parent, paths in groupby(sorted(folder.rglob(f"*{ending}")), lambda path: path.parent):
        below = parent.relative_to(folder)
        short: list[tuple[str, str]] = []
        for path in paths:
            name = path.name.removesuffix(ending)
            if name == "index" or path.is_symlink():
                continue
            kept = list(prose.of(main_text(path.read_bytes(), selector)))
            if sum(map(len, kept)) >= _ALONE:
                yield from passages((prefix / below / name).as_posix(), kept)
            elif kept:
                short.append((name, "\n\n".join(kept)))
        yield from group((prefix / below).as_posix(), short, _TOGETHER)
