import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gapless.assets import registry
from gapless.assets.registry import Asset, Package


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GAPLESS_CACHE", str(folder))
    return folder


@pytest.fixture
def add_asset(monkeypatch) -> Callable[..., Asset]:
    """Put one asset with one package into the table."""

    def add(ecosystem: str = "npm", sha256: str = "0" * 64, extractor: str = "books.speeches"):
        package = Package(ecosystem=ecosystem, name="@tiny/talks", version="1.0", sha256=sha256)
        asset = Asset(
            name="talks",
            kind="corpus",
            about="Talks",
            licence="CC0",
            redistributable=True,
            packages=(package,),
            extractor=extractor,
        )
        monkeypatch.setattr(registry, "_table", lambda: {"talks": asset})
        return asset

    return add


@pytest.fixture
def fake_client(tmp_path, monkeypatch) -> Callable[[str, str], Path]:
    """Put a shell script on PATH in the place of npm, apt-get or python (for pip)."""

    def make(name: str, script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        if name == "python":
            monkeypatch.setattr(sys, "executable", str(path))
        return path

    return make
