"""The peers' sides of the comparisons, written as their own documentation shows them.

Nothing of ours is imported: this also runs in an environment that has the peer alone.
"""

from __future__ import annotations

import array
import hashlib
import json
import math
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

Facts = Callable[[], dict[str, Any]]

NGRAM, BANDS, ROWS = 5, 14, 8


def records(files: list[Path]) -> Iterator[dict[str, Any]]:
    """Read JSON Lines, with orjson where it is."""
    try:
        from orjson import loads
    except ImportError:
        from json import loads

    for file in files:
        with file.open("rb") as text:
            yield from map(loads, text)


def _run(steps: list[Any], logs: Path, tasks: int = 1) -> None:
    from datatrove.executor import LocalPipelineExecutor

    LocalPipelineExecutor(pipeline=steps, tasks=tasks, workers=1, logging_dir=str(logs)).run()


def _reader(folder: Path) -> Any:
    from datatrove.pipeline.readers import JsonlReader

    return JsonlReader(str(folder), glob_pattern="*.jsonl", compression=None)


def _filters() -> list[Any]:
    """Return our four cleaners' counterparts in the same order and with the same thresholds."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    # Where nothing is said, datatrove's own defaults are equal to ours.
    c4 = C4QualityFilter(min_words_per_line=5, min_num_sentences=3)
    fineweb = FineWebQualityFilter(char_duplicates_ratio=0.1)
    return [GopherQualityFilter(), GopherRepetitionFilter(), c4, fineweb]


def _minhash(read: Path, out: Path, last: list[Any]) -> None:
    """Run datatrove's four stages; the fourth goes on with the steps of ``last``."""
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )

    config = MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    signed, buckets, removed = (str(out / name) for name in ("signed", "buckets", "removed"))
    _run([_reader(read), MinhashDedupSignature(signed, config=config)], out / "logs1")
    _run([MinhashDedupBuckets(signed, buckets, config=config)], out / "logs2", tasks=BANDS)
    _run([MinhashDedupCluster(buckets, removed, config=config)], out / "logs3")
    _run([_reader(read), MinhashDedupFilter(removed), *last], out / "logs4")


def _num_removed(out: Path) -> int:
    return sum(path.stat().st_size // 4 for path in (out / "removed").glob("*.remove"))


def near_dedup(files: list[Path], out: Path, _: dict[str, Any]) -> Facts:
    """Datatrove: JSON Lines to signatures, buckets, clusters, and JSON Lines of what stays."""
    from datatrove.pipeline.writers import JsonlWriter

    _minhash(files[0].parent, out, [JsonlWriter(str(out / "kept"), compression=None)])
    return lambda: {"removed": _num_removed(out)}


def near_copies(files: list[Path], _out: Path, _: dict[str, Any]) -> Facts:
    """Rensa: JSON Lines to word shingles (in Python: it has none of its own), digests, flags."""
    from rensa import RMinHash, RMinHashLSH

    # The digests of all documents in one call: its fastest way, and the shingles fit in memory.
    def shingles() -> Iterator[list[str]]:
        for record in records(files):
            words = record["text"].lower().split()
            runs = zip(*(words[first:] for first in range(NGRAM)), strict=False)
            yield list(map(" ".join, runs)) or [" ".join(words)]

    digests = RMinHash.digest_matrix_from_token_sets(shingles(), BANDS * ROWS, 42)
    index = RMinHashLSH(threshold=0.7, num_perm=BANDS * ROWS, num_bands=BANDS)
    flags = index.query_duplicate_flags_matrix_one_shot(digests)
    return lambda: {"members of copies": sum(flags)}


def cleaners(files: list[Path], out: Path, _: dict[str, Any]) -> Facts:
    """Datatrove: JSON Lines through the four filters; nothing is written."""
    data = None
    for step in (_reader(files[0].parent), *_filters()):
        data = step(data, 0, 1)
    kept = [int(document.id) for document in data]

    def facts() -> dict[str, Any]:
        verdicts = bytearray(sum(1 for _ in records(files)))
        for number in kept:
            verdicts[number] = 1
        (out / "kept").write_bytes(verdicts)
        return {"kept": len(kept), "verdicts": str(out / "kept")}

    return facts


@cache
def _model(folder: str) -> Any:
    import kenlm

    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    names = ("model.binary", "model.arpa")
    path = next(path for name in names if (path := Path(folder) / name).is_file())
    return kenlm.Model(str(path), config)


def ngram_score(files: list[Path], _out: Path, settings: dict[str, Any]) -> Facts:
    """KenLM: a bare loop over text that is normalised already."""
    model = _model(settings["model"])
    texts = [line[:-1] for file in files for line in file.open("rb")]
    scores = [model.score(text) for text in texts]

    def facts() -> dict[str, Any]:
        each = [-s / (t.count(b" ") + 2) for s, t in zip(scores, texts, strict=True)]
        return {"mean_log10_perplexity": math.fsum(each) / len(each)}

    return facts


def ngram_train(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """KenLM's lmplz: normalised text to an ARPA file."""
    command = ["lmplz", "-o", str(settings["order"]), "--discount_fallback"]
    command += ["-S", f"{settings['memory_bytes']}b", "-T", f"{out}/"]
    command += ["--prune", *map(str, settings["prune"])]
    command += ["--text", str(files[0]), "--arpa", str(out / "model.arpa")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    def facts() -> dict[str, Any]:
        with (out / "model.arpa").open() as arpa:
            head = islice(arpa, 1, 1 + settings["order"])
            return {"ngrams": [int(line.partition("=")[2]) for line in head]}

    return facts


@cache
def _tokenizer(folder: str) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def tokenise(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """Hugging Face's tokenizers: JSON Lines to ids on disk, by its fastest call."""
    tokenizer = _tokenizer(settings["tokenizer"])
    prefix, end = (tokenizer.token_to_id(settings[name]) for name in ("prefix", "end"))
    kind = "H" if tokenizer.get_vocab_size() <= 1 << 16 else "I"
    texts = (record["text"] for record in records(files))
    num_tokens = 0
    with (out / "tokens.bin").open("wb") as file:
        while batch := list(islice(texts, 1000)):
            for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
                ids = array.array(kind, [prefix, *encoding.ids, end])
                num_tokens += len(ids)
                file.write(ids)

    def facts() -> dict[str, Any]:
        with (out / "tokens.bin").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"tokens": num_tokens, "sha256": digest}

    return facts


def whole_way(files: list[Path], out: Path, settings: dict[str, Any]) -> Facts:
    """Datatrove: filters, MinHash in four stages, the last of which goes on into the tokenizer."""
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.pipeline.writers import JsonlWriter

    clean = out / "clean"
    steps = [_reader(files[0].parent), *_filters(), JsonlWriter(str(clean), compression=None)]
    _run(steps, out / "logs0")
    tokenizer = str(Path(settings["tokenizer"]) / "tokenizer.json")
    store = DocumentTokenizer(
        str(out / "tokens"), tokenizer, eos_token=settings["end"], shuffle_documents=False
    )
    _minhash(clean, out, [store])

    def facts() -> dict[str, Any]:
        stats = json.loads((out / "logs4" / "stats.json").read_text())
        told = stats[-1]["stats"]
        cleaned = sum(1 for _ in records(sorted(clean.glob("*.jsonl"))))
        tokens = told["tokens"]["total"] if isinstance(told["tokens"], dict) else told["tokens"]
        removed = _num_removed(out)
        return {"kept": cleaned - removed, "near copies": removed, "tokens": tokens}

    return facts


SIDES = {
    "near_dedup": near_dedup,
    "near_copies": near_copies,
    "cleaners": cleaners,
    "ngram_score": ngram_score,
    "ngram_train": ngram_train,
    "tokenise": tokenise,
    "whole_way": whole_way,
}
