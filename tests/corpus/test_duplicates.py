"""Which copies go, over parts and sources, by the ids and the signatures of their texts."""

import numpy as np
import pytest

from gapless.corpus import find_duplicates, mark_part
from gapless.recipe.cleanings import Deduplication, NearDuplicates
from gapless.records.documents import parts

ABSTRACT = "the cell wall of this plant is thick and holds much water in the dry season of the year"


@pytest.fixture
def removals(world):
    """Prepare sources of texts and return what goes: {source: [(document, reason, by)]}."""

    def find(sources, spec, part_bytes=40):
        found = {}
        marks = world.folder / "marks"
        marks.mkdir()
        for source, texts in sources.items():
            world.out = world.folder / f"documents.{source}"
            for number, text in enumerate(texts):
                world.write(f"{source}/{number:03d}.txt", text)
            world.prepare(source, part_bytes=part_bytes)
            found[source] = parts(world.out)
            for part in found[source]:
                mark_part(part, marks, spec.near)
        assert max(map(len, found.values())) > 1, "one part each: nothing crosses a border"
        tables = find_duplicates(found, marks, spec)
        assert all(table.similarity.dtype == np.float32 for table in tables.values())
        return {
            source: list(zip(table.documents.tolist(), table.reasons, table.by, strict=True))
            for source, table in tables.items()
        }

    return find


def test_the_first_of_equal_texts_stays_over_parts_and_sources(removals):
    sources = {
        "web": ["cell", "wall", "cell", "Cell", "cell "],
        "books": ["root", "wall", "root"],
    }
    assert removals(sources, Deduplication(), part_bytes=8) == {
        "web": [(2, "duplicate", "web:0")],
        "books": [(1, "duplicate", "web:1"), (2, "duplicate", "books:0")],
    }


def test_precedence_says_whose_copy_stays(removals):
    sources = {"web": ["cell", "wall"], "books": ["wall", "root"], "notes": ["root", "cell"]}
    spec = Deduplication(precedence=("notes", "books"))
    assert removals(sources, spec, part_bytes=4) == {
        "notes": [],
        "books": [(1, "duplicate", "notes:0")],
        "web": [(0, "duplicate", "notes:1"), (1, "duplicate", "books:0")],
    }


def test_copies_can_be_kept(removals):
    spec = Deduplication(exact=False)
    assert removals({"web": ["cell", "cell", "cell"]}, spec, part_bytes=4) == {"web": []}


def test_near_copies_fall_to_the_one_that_stays_and_exact_ones_are_called_exact(removals):
    near = ABSTRACT.replace("season", "seasons")
    sources = {
        "web": [near, "another text of some words about roots and leaves", near],
        "books": [ABSTRACT, ABSTRACT + " and so on", "short"],
    }
    spec = Deduplication(near=NearDuplicates(ngram=2, threshold=0.6), precedence=("books",))
    assert removals(sources, spec) == {
        "books": [(1, "near_duplicate", "books:0")],
        "web": [(0, "near_duplicate", "books:0"), (2, "duplicate", "books:0")],
    }


def test_an_exact_copy_of_a_near_copy_is_as_near_as_that(world):
    near = ABSTRACT.replace("season", "seasons")
    for number, text in enumerate([ABSTRACT, near, near]):
        world.write(f"web/{number}.txt", text)
    world.prepare("web")
    spec = Deduplication(near=NearDuplicates(ngram=2))
    (part,) = parts(world.out)
    mark_part(part, world.folder, spec.near)
    found = find_duplicates({"web": [part]}, world.folder, spec)["web"]
    assert found.similarity[0] == found.similarity[1] < 1


def test_an_exact_copy_of_a_near_copy_falls_to_what_stays(removals):
    near = ABSTRACT.replace("season", "seasons")
    found = removals({"web": [ABSTRACT, near, near]}, Deduplication(near=NearDuplicates(ngram=2)))
    assert found == {"web": [(1, "near_duplicate", "web:0"), (2, "duplicate", "web:0")]}
