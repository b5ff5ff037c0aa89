"""The recipes of the repository with what each says of itself, as Markdown."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def lines() -> list[str]:
    """Return a section for each recipe and sweep: its first comment, and a link to all of it."""
    return [line for place in ("recipes", "sweeps", "examples") for line in folder(place)]


def folder(place: str) -> list[str]:
    """Return the sections of one folder."""
    told = []
    for path in sorted((ROOT / place).rglob("*.yaml")):
        name = path.relative_to(ROOT)
        told += [f"## {name}", "", first_comment(path.read_text(encoding="utf-8")), ""]
        told += [f"[The whole file](../../{name})", ""]
    return told


def first_comment(text: str) -> str:
    """Return the first paragraph of the comment that a file begins with."""
    kept = []
    for line in text.splitlines():
        if not line.startswith("#") or not line.strip("# "):
            break
        kept.append(line.removeprefix("#").strip())
    return " ".join(kept)
