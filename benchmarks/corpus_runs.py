"""Runs the sides of a comparison, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from corpus_text import Text

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
OUR_PACKAGES = ("duckdb", "gapless", "gigatoken", "kenlm-ex", "numba", "numpy", "orjson", "pyarrow")
PEER_PACKAGES = {"datatrove": ("datatrove", "spacy"), "kenlm": ("kenlm-ex",)}
"""Packages whose versions are told of a peer, where they are not just its name."""
ORDER, PRUNE, MEMORY_BYTES, MODEL_BYTES = 5, (0, 0, 1), 1 << 30, 20_000_000


class Bench:
    """Runs sides in processes of their own."""

    def __init__(
        self, scratch: Path, *, core: int, peer_python: str | None, tokenizer: Path
    ) -> None:
        self._scratch = scratch
        self._core = core
        self._peer_python = peer_python
        self._numbers = count()
        self._normal: list[Path] = []
        named = json.loads((tokenizer / "tokenizer_config.json").read_text())
        end = named["eos_token"]
        self._settings: dict[str, Any] = {
            "tokenizer": str(tokenizer),
            "prefix": named.get("bos_token") or end,
            "end": end,
            "order": ORDER,
            "prune": [*PRUNE, *[PRUNE[-1]] * (ORDER - len(PRUNE))],
            "memory_bytes": MEMORY_BYTES,
        }
        self.versions: dict[str, dict[str, str]] = {"corpus_ours": {}, "corpus_peers": {}}
        """Module to the packages that its sides have found."""

    def _python_of(self, peer: str) -> str | None:
        """Return the Python that runs a peer, or None where the peer is not here."""
        if peer == "lmplz":
            return sys.executable if shutil.which("lmplz") else None
        if peer != "datatrove" and find_spec(peer):
            return sys.executable
        if self._peer_python is None:
            return None
        asked = [self._peer_python, "-c", f"import {peer}"]
        is_there = subprocess.run(asked, capture_output=True, check=False).returncode == 0
        return self._peer_python if is_there else None

    def prepare(self, text: Text, warm: Text, *, with_model: bool) -> None:
        """Make the normalised text and the model, which no side's time includes."""
        self._normal = [self._normalised(part.files) for part in (text, warm)]
        if with_model:
            self._settings["model_bytes"] = min(MODEL_BYTES, round(text.megabytes * 1e6 / 5))
            done = self._side(sys.executable, "corpus_ours", "ngram_model", [self._normal[0]], [])
            self._settings["model"] = done["out"]

    def _normalised(self, files: Sequence[Path]) -> Path:
        done = self._side(sys.executable, "corpus_ours", "normal_text", files, [])
        return Path(done["out"]) / "normal.txt"

    def ours(self, name: str, text: Text, warm: Text, *, repeats: int) -> dict[str, Any]:
        """Run our side."""
        files: Sequence[Path] = text.files
        warm_files: Sequence[Path] = warm.files
        if name == "ngram_train":
            files, warm_files = [self._normal[0]], [self._normal[1]]
        return self._side(sys.executable, "corpus_ours", name, files, warm_files, repeats=repeats)

    def peers(
        self, name: str, peer: str, text: Text, warm: Text, *, is_normal: bool
    ) -> dict[str, Any] | None:
        """Run the peer's side; None where the peer is not here."""
        python = self._python_of(peer)
        if python is None:
            return None
        files: Sequence[Path] = text.files
        warm_files: Sequence[Path] = warm.files
        if is_normal:
            files, warm_files = [self._normal[0]], [self._normal[1]]
        packages = PEER_PACKAGES.get(peer, (peer,))
        return self._side(
            python, "corpus_peers", name, files, warm_files, repeats=3, packages=packages
        )

    def _side(
        self,
        python: str,
        module: str,
        side: str,
        files: Sequence[Path],
        warm: Sequence[Path],
        *,
        repeats: int = 1,
        packages: Sequence[str] = OUR_PACKAGES,
    ) -> dict[str, Any]:
        folder = self._scratch / f"{next(self._numbers):02d}-{module}-{side}"
        folder.mkdir()
        job = {
            "module": module,
            "side": side,
            "files": [str(file) for file in files],
            "warm": [str(file) for file in warm],
            "out": str(folder / "out"),
            "answer": str(folder / "answer.json"),
            "core": self._core,
            "repeats": repeats,
            "packages": packages,
            "settings": self._settings,
        }
        (folder / "job.json").write_text(json.dumps(job))
        anonymous_mb = 0.0
        with (folder / "said.txt").open("wb") as said:
            process = subprocess.Popen(
                [python, str(HERE / "corpus_side.py"), str(folder / "job.json")],
                stdout=said,
                stderr=said,
                env=os.environ | ONE_THREAD | {"TOKENIZERS_PARALLELISM": "false"},
            )
            while process.poll() is None:
                anonymous_mb = max(anonymous_mb, own_memory_mb(process.pid))
                time.sleep(0.05)
        if process.returncode != 0:
            told = (folder / "said.txt").read_text(errors="replace")[-3000:]
            raise SystemExit(f"{module}.{side} ended with status {process.returncode}:\n{told}")
        answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
        self.versions[module] |= answer["versions"]
        return answer | {"out": job["out"], "anonymous_mb": anonymous_mb}


def own_memory_mb(pid: int) -> float:
    """Return how much memory a process has that is no file's, in MB; 0 where nobody says."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    rows = [line.split() for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(rows[0][1]) * 1024 / 1e6 if rows else 0.0
