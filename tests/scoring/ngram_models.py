"""What the tests of n-gram models share: texts, models as dictionaries, and a slow reference."""

import gzip
import io
import json
import math
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import zstandard

from gapless.scoring.ngram.trainer import pruning, train_with_duckdb
from gapless.words import normalise

DATA = Path(__file__).parent / "data"
MEMORY = 400 << 20
TEXTS = (
    "a cat sat on a mat",
    "a dog sat on a cat",
    "the cat on the mat sat",
    "a",
    "cat sat",
    "the dog on a mat and the cat on a dog",
    "a cat and a dog and a rat",
    "the rat sat on the cat",
    "dog",
    "the end of a cat is a tail",
)


def array(texts):
    return pa.array(texts, pa.large_string())


def reference():
    with gzip.open(DATA / "ngram_reference.txt.gz", "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def shipped(name, most):
    """The first texts of a corpus that comes with the package, normalised."""
    path = files("gapless.assets") / "data" / f"{name}.jsonl.zst"
    raw = io.BytesIO(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())
    texts = [json.loads(line)["text"] for line in raw.readlines()[:most]]
    return normalise(array(texts))


def trained(texts, folder, *, order, prune=(), way=train_with_duckdb, memory=MEMORY):
    """Train, and return the ARPA text and the facts."""
    folder.mkdir(exist_ok=True, parents=True)
    batches = iter([texts if isinstance(texts, pa.Array) else array(texts)])
    thresholds = pruning(order, prune)
    path = folder / "model.arpa"
    facts = way(batches, path, thresholds=thresholds, memory_bytes=memory, scratch=folder)
    return path.read_text(encoding="utf-8"), facts


def parsed(text):
    """The n-grams of an ARPA text, in its order: (words, log10 p, log10 backoff or None)."""
    header, *sections = text.split("\\")[2:-2]
    announced = [int(line.split("=")[1]) for line in header.split("\n") if "=" in line]
    answers = []
    for size, section in zip(announced, sections, strict=True):
        lines = section.strip("\n").split("\n")[1:]
        assert len(lines) == size
        for line in lines:
            p, words, *backoff = line.split("\t")
            answers.append((words, float(p), float(backoff[0]) if backoff else None))
    return answers


def probability(grams, context, word):
    """log10 p of a word in an ARPA model: the longest n-gram that is there, else back off."""
    gram = " ".join((*context, word))
    if gram in grams:
        return grams[gram][0]
    if not context:
        return grams["<unk>"][0]
    return (grams.get(" ".join(context), (0, 0))[1] or 0) + probability(grams, context[1:], word)


def perplexity(grams, order, words):
    """Perplexity of a document, by the definition."""
    known = [word if word in grams else "<unk>" for word in words]
    tokens = ["<s>", *known, "</s>"]
    places = range(1, len(tokens))
    total = sum(
        probability(grams, tokens[max(0, at - order + 1) : at], tokens[at]) for at in places
    )
    return 10 ** (-total / len(places))


class SlowNGram:
    """Modified Kneser-Ney as the paper's formulas say it, over tuples of words."""

    def __init__(self, texts, order):
        self.order = order
        documents = [["<s>", *text.split(), "</s>"] for text in texts]
        self.words = {word for document in documents for word in document[1:]} | {"<unk>"}
        self.counts = {}
        for length in range(1, order + 1):
            seen = Counter(
                tuple(document[at : at + length])
                for document in documents
                for at in range(len(document) - length + 1)
            )
            left = defaultdict(set)
            for document in documents:
                for at in range(len(document) - length):
                    left[tuple(document[at + 1 : at + 1 + length])].add(document[at])
            self.counts[length] = {
                gram: count if length == order or gram[0] == "<s>" else len(left[gram])
                for gram, count in seen.items()
                if gram != ("<s>",)
            }
        self.discounts = {n: self.discount(counts) for n, counts in self.counts.items()}

    @staticmethod
    def discount(counts):
        n = [sum(count == i for count in counts.values()) for i in range(5)]
        if not all(n[1:4]):
            return (0, 0.5, 1.0, 1.5)
        y = n[1] / (n[1] + 2 * n[2])
        answer = (0, *(i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)))
        return answer if all(0 <= d <= i for i, d in enumerate(answer)) else (0, 0.5, 1.0, 1.5)

    def log10_p(self, context, word):
        return math.log10(self.interpolated(tuple(context), word))

    def interpolated(self, context, word):
        lower = self.interpolated(context[1:], word) if context else 1 / len(self.words)
        counts, d = self.counts[len(context) + 1], self.discounts[len(context) + 1]
        after = {gram[-1]: count for gram, count in counts.items() if gram[:-1] == context}
        if not after:
            return lower
        total = sum(after.values())
        count = after.get(word, 0)
        left_over = sum(d[min(count, 3)] for count in after.values())
        return (count - d[min(count, 3)] + left_over * lower) / total
