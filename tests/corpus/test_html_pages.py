import builtins

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import bad, failure, good, read, write

pytest.importorskip("trafilatura")

WORDS = (
    "Die Stra\u00dfe f\u00fchrt \u00fcber den Flu\u00df, und wer sie geht, sieht den Kirchturm. "
    * 6
)
PAGE = """<html><head>{head}<title>Wege</title></head><body>
<nav><ul><li><a href="/">Startseite</a></li><li><a href="/b">Impressum</a></li></ul></nav>
<article><h1>Der Weg</h1><p>{words}</p></article>
<footer>Alle Rechte vorbehalten</footer></body></html>"""


def test_the_main_text_is_kept_and_the_navigation_is_not(tmp_path):
    page = "<!DOCTYPE html>\n" + PAGE.format(head="", words=WORDS)
    for name in ("a.html", "a.HTM"):
        ((line, text),) = good(write(tmp_path, name, page))
        assert line == 1
        assert WORDS.strip() in text
        assert "Impressum" not in text
        assert "Rechte" not in text


@pytest.mark.parametrize(
    ("encoding", "beginning", "head"),
    [
        ("utf-8", "", ""),
        ("utf-8", "", '<meta charset="utf-8">'),
        ("utf-8", "", '<meta charset="x-unknown">'),
        ("utf-8", "", '<meta charset="utf-16">'),
        ("utf-8", "", '<meta charset="rot13">'),
        ("utf-8", "", '<meta charset="undefined">'),
        ("utf-8", "", '<meta charset="unicode_escape">'),
        ("gbk", "", '<meta charset="gb2312">'),
        ("utf-8", "\ufeff", '<meta charset="iso-8859-1">'),
        ("utf-16-le", "\ufeff", ""),
        ("utf-16-be", "\ufeff", ""),
        ("iso-8859-1", "", '<META CHARSET="ISO-8859-1">'),
        ("cp1252", "", '<meta charset="ascii">'),
        (
            "iso-8859-15",
            "",
            '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-15">',
        ),
        ("iso-8859-1", '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE html>', ""),
    ],
)
def test_the_declared_encoding_is_respected(tmp_path, encoding, beginning, head):
    words = WORDS if encoding != "gbk" else "\u4eba\u4e4b\u521d\uff0c\u6027\u672c\u5584\u3002" * 40
    page = beginning + PAGE.format(head=head, words=words)
    ((_, text),) = good(write(tmp_path, "a.html", page.encode(encoding)))
    assert words.strip() in text


def test_bytes_that_are_not_in_the_encoding_are_broken_text(tmp_path):
    page = PAGE.format(head="", words=WORDS).encode("latin-1")
    ((line, problem, text),) = bad(write(tmp_path, "a.html", page))
    assert (line, problem) == (1, "broken_text")
    assert "Stra\ufffde" in text


@pytest.mark.parametrize(
    "page", ["", "   ", "<html><body></body></html>", "no page", "<p>", "<" * 50, "\0\1\2"]
)
def test_a_page_without_main_text_is_counted_and_nothing_is_printed(tmp_path, page, capfd):
    assert bad(write(tmp_path, "a.html", page)) == [(1, "no_main_text", page)]
    assert capfd.readouterr() == ("", "")


_TAGS = st.sampled_from(
    [
        *"<>/&;=\"' \n",
        "<p>",
        "</p>",
        "<div>",
        "<table><tr><td>",
        "<!--",
        "-->",
        "<script>",
        "<a href=",
        "<?xml",
        "<meta charset=",
        "utf-16",
        "<![CDATA[",
        "&#x0;",
        "&#xD800;",
        "<body>",
        "text " * 60,
    ]
)


@given(st.one_of(st.binary(max_size=80), st.lists(_TAGS, max_size=25).map("".join).map(str.encode)))
@settings(deadline=None)
def test_any_bytes_are_one_row(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("pages"), "a.html", content)
    (row,) = read(path)
    assert row["text"] is not None
    assert row["problem"] in (None, "no_main_text", "broken_text")


def test_a_deep_page_is_a_row_of_some_kind(tmp_path):
    page = "<html><body>" + "<div>" * 20_000 + WORDS + "</div>" * 20_000 + "</body></html>"
    path = write(tmp_path, "a.html", page)
    assert len(good(path)) + len(bad(path)) == 1


def test_a_page_has_no_columns(tmp_path):
    error = failure(write(tmp_path, "a.html", "<p>text</p>"), id="x")
    assert error.what == "an HTML page has no columns, and the source names one in `id`"


def test_the_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    load = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("trafilatura"):
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    error = failure(write(tmp_path, "a.html", "<p>text</p>"))
    assert error.mend == 'Run: pip install "gapless[html]"'
