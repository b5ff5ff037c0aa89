"""Write the questions with 30, 50 and 70 % of them spoiled, into ``text`` beside the claims."""

import io
import json
from pathlib import Path

import zstandard

from gapless.assets import shipped
from gapless.recipe.syntheses import Corruption
from gapless.synthesis.corruption import Document, corrupt

OUT = Path(__file__).parent.parent / "text"


def main() -> None:
    """Spoil each share of them; a higher share spoils the same documents and more."""
    OUT.mkdir(exist_ok=True)
    documents = questions()
    for percent in (30, 50, 70):
        spoiled = corrupt(documents, Corruption(rate=percent / 100), seed=1, name="questions")
        lines = [json.dumps({"id": each.id, "text": each.text}) + "\n" for each in spoiled]
        (OUT / f"questions_{percent}.jsonl").write_text("".join(lines), encoding="utf-8")


def questions() -> list[Document]:
    """Return the shipped questions; each turn is a section."""
    with shipped("questions-small").open("rb") as packed:
        unpacked = zstandard.ZstdDecompressor().stream_reader(packed)
        rows = [json.loads(line) for line in io.TextIOWrapper(unpacked, encoding="utf-8")]
    return [
        Document(
            row["id"],
            row["text"],
            "science_qa",
            {str(place): turn["content"] for place, turn in enumerate(row["messages"])},
        )
        for row in rows
    ]


if __name__ == "__main__":
    main()
