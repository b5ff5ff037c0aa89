import re
import unicodedata
from pathlib import Path

import pytest

from gapless import assets
from gapless.assets import store
from gapless.errors import AssetError

CORPORA = [row.name for row in assets.known() if row.shipped and row.kind == "corpus"]
DATA = Path(assets.__file__).parent / "data"
CARD = (DATA / "DATA_CARD.md").read_text(encoding="utf-8")


def test_eight_slices_ship_within_ten_megabytes():
    assert len(CORPORA) >= 8
    assert sum(assets.shipped(name).stat().st_size for name in CORPORA) < 10_000_000


@pytest.mark.parametrize("name", CORPORA)
def test_documents_are_clean_and_ids_unique(name):
    rows = list(store.read(assets.shipped(name)))
    assert len(rows) > 150
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["text"] for row in rows}) == len(rows)
    for row in rows:
        assert store.SHORTEST <= len(row["text"]) <= 8000
        assert row["text"] == unicodedata.normalize("NFC", row["text"]).strip("\n").rstrip()
        assert "\x00" not in row["text"]
        assert "\ufffd" not in row["text"]
    assert 700_000 < sum(len(row["text"]) for row in rows) < 3_000_000


@pytest.mark.parametrize("name", CORPORA)
def test_the_data_card_tells_the_truth(name):
    path = assets.shipped(name)
    section = CARD.split(f"## {path.name}\n")[1].split("\n## ")[0]
    facts = dict(re.findall(r"^- (\w+): (.+)$", section, re.MULTILINE))
    rows = list(store.read(path))
    assert facts["sha256"] == store.sha256_of(path)
    assert int(facts["documents"]) == len(rows)
    assert int(facts["characters"]) == sum(len(row["text"]) for row in rows)
    for licence in re.findall(r"licences/\S+\.txt", facts["licence"]):
        assert (DATA / licence).is_file()


def test_what_may_not_be_redistributed_does_not_ship():
    barred = {row.name for row in assets.known() if not row.redistributable}
    assert {"pubmed2021", "news", "gcide", "phenotypes"} <= barred
    assert not {name.removesuffix("-small") for name in CORPORA} & barred
    ids = [row["id"] for row in store.read(assets.shipped("encyclopedia-small"))]
    assert all(key.startswith("wikipedia/") for key in ids)


def test_a_fetched_asset_is_not_shipped():
    with pytest.raises(AssetError, match="does not ship"):
        assets.shipped("pubmed2021")


@pytest.mark.network
def test_slices_are_made_again_byte_for_byte(tmp_path):
    """Uses the cache of the user, so that a second run is quick."""
    import runpy
    import sys

    script = Path(__file__).parents[2] / "scripts" / "build_shipped_corpora.py"
    kept = sys.argv
    sys.argv = [str(script), "--to", str(tmp_path)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv = kept
    for path in tmp_path.glob("*.zst"):
        if path.name != "code-small.jsonl.zst":  # follows the interpreter's version
            assert path.read_bytes() == (DATA / path.name).read_bytes()
