import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile

import pytest

from gapless import assets
from gapless.assets import store
from gapless.assets.fetching import extractor_of
from gapless.assets.store import sha256_of
from gapless.errors import AssetError

SPEECH = "Fellow citizens, the year was long and the harvest was good. " * 5


@pytest.fixture
def talks(tmp_path):
    """An npm archive with one speech in it."""
    path = tmp_path / "tiny-talks-1.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/sotu/data/1790_ann_example_n.txt")
        info.size = len(SPEECH)
        tar.addfile(info, io.BytesIO(SPEECH.encode()))
    return path


def npm_that_copies(path, log):
    return (
        f'echo run >> {log}\nwhile [ "$1" != "--pack-destination" ]; do shift; done\ncp {path} "$2"'
    )


def test_fetch_downloads_once_and_is_then_a_no_op(cache, talks, add_asset, fake_client, tmp_path):
    log = tmp_path / "log"
    add_asset(sha256=sha256_of(talks))
    fake_client("npm", npm_that_copies(talks, log))
    said = []
    place = assets.fetch("talks", said.append)
    (row,) = store.read(place / "documents.jsonl.zst")
    assert row == {"id": "state-of-the-union/1790-ann-example", "text": SPEECH.strip()}
    assert json.loads((place / "asset.json").read_text())["documents"] == 1
    assert said[-1] == "talks: ready"
    assert assets.fetch("talks") == place
    assert log.read_text() == "run\n"
    assert sorted(p.name for p in cache.iterdir()) == ["downloads", place.name]
    assert [p.name for p in (cache / "downloads").iterdir()] == [talks.name]


def test_a_download_that_was_verified_is_not_repeated(cache, talks, add_asset, fake_client):
    add_asset(sha256=sha256_of(talks))
    (cache / "downloads").mkdir(parents=True)
    talks.rename(cache / "downloads" / talks.name)
    fake_client("npm", "exit 1")
    assert (assets.fetch("talks") / "asset.json").is_file()


def test_wrong_checksum_says_both_and_keeps_nothing(cache, talks, add_asset, fake_client, tmp_path):
    add_asset(sha256="0" * 64)
    fake_client("npm", npm_that_copies(talks, tmp_path / "log"))
    with pytest.raises(AssetError) as caught:
        assets.fetch("talks")
    message = str(caught.value)
    assert f"expected sha256 {'0' * 64}" in message
    assert f"received sha256 {sha256_of(talks)}" in message
    assert "asset 'talks', npm package @tiny/talks 1.0" in message
    assert list((cache / "downloads").iterdir()) == []
    assert assets.locate("talks") is None


@pytest.mark.parametrize(
    ("ecosystem", "client", "said"),
    [
        ("npm", "npm", "npm error code ENOTFOUND"),
        ("apt", "apt-get", "Temporary failure resolving 'deb'"),
        ("pypi-wheel", "python", "No matching distribution (from versions: none)"),
        ("pypi-sdist", "python", "NewConnectionError: Network is unreachable"),
    ],
)
def test_no_network(cache, add_asset, fake_client, ecosystem, client, said):
    add_asset(ecosystem=ecosystem)
    fake_client(client, f'echo "{said}" >&2; exit 1')
    with pytest.raises(AssetError) as caught:
        assets.fetch("talks")
    message = str(caught.value)
    assert "could not be reached" in message
    assert said in message
    assert f"asset 'talks', {ecosystem} package @tiny/talks 1.0" in message
    assert str(cache / "downloads") in message


@pytest.mark.parametrize(("ecosystem", "client"), [("npm", "npm"), ("apt", "apt-get")])
def test_a_missing_client_is_named(cache, add_asset, monkeypatch, tmp_path, ecosystem, client):
    add_asset(ecosystem=ecosystem)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match=f"the program {client} is missing") as caught:
        assets.fetch("talks")
    assert caught.value.mend is not None
    assert client in caught.value.mend


def test_python_without_pip(cache, add_asset, fake_client):
    add_asset(ecosystem="pypi-wheel")
    fake_client("python", 'echo "No module named pip" >&2; exit 1')
    with pytest.raises(AssetError, match="has no pip"):
        assets.fetch("talks")


def test_apt_that_has_another_version(cache, add_asset, fake_client):
    add_asset(ecosystem="apt")
    fake_client("apt-get", "echo \"E: Version '1.0' for 'talks' was not found\"; exit 100")
    with pytest.raises(AssetError, match=r"apt-get update.*Version '1.0'"):
        assets.fetch("talks")


def test_a_failed_extraction_leaves_nothing(cache, talks, add_asset, fake_client, tmp_path):
    asset = add_asset(sha256=sha256_of(talks), extractor="books.novels")
    fake_client("npm", npm_that_copies(talks, tmp_path / "log"))
    with pytest.raises(AssetError, match="holds no janeaustenr"):
        assets.fetch("talks")
    assert assets.locate(asset.name) is None
    assert [p.name for p in cache.iterdir()] == ["downloads"]


KILLED = """
    import sys, time
    from pathlib import Path
    from gapless.assets import fetching
    from gapless.assets.passages import Entry
    from gapless.assets import extract_code
    def slow(root):
        yield Entry("a", "x" * 500)
        Path(sys.argv[1]).touch()
        time.sleep(60)
    extract_code.code = slow
    fetching.fetch("code")
"""


def test_a_killed_extraction_is_not_ready(cache, tmp_path):
    started = tmp_path / "started"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(started)]
    path = os.pathsep.join(sys.path)
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
    try:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            assert child.poll() is None
            time.sleep(0.02)
        assert started.exists()
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert any(".partial-" in p.name for p in cache.iterdir())
    assert assets.locate("code") is None


def test_members_cannot_leave_the_folder(tmp_path):
    from gapless.assets.unpack import unpack

    path = tmp_path / "bad.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../outside"), io.BytesIO(b""))
    with pytest.raises(AssetError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "outside").exists()


def test_debian_packages_and_wheels_are_unpacked(tmp_path):
    from gapless.assets.unpack import unpack

    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:xz") as tar:
        info = tarfile.TarInfo("./usr/share/a.txt")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"hi"))
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", b"odd"),
        ("data.tar.xz", inner.getvalue()),
    ]
    deb = b"!<arch>\n"
    for name, data in members:
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        deb += b"\n" * (len(data) % 2)
    (tmp_path / "a.deb").write_bytes(deb)
    unpack(tmp_path / "a.deb", tmp_path / "deb")
    assert (tmp_path / "deb" / "usr" / "share" / "a.txt").read_text() == "hi"
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("p/b.txt", "ho")
    unpack(tmp_path / "a.whl", tmp_path / "whl")
    assert (tmp_path / "whl" / "p" / "b.txt").read_text() == "ho"


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GAPLESS_CACHE", str(tmp_path / "own"))
    assert assets.cache_dir() == tmp_path / "own"
    monkeypatch.delenv("GAPLESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert assets.cache_dir() == tmp_path / "xdg" / "gapless"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert assets.cache_dir() == tmp_path / ".cache" / "gapless"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(AssetError, match="Did you mean 'pubmed2021'"):
        assets.fetch("pubmed2020")


def test_every_row_of_the_table_is_whole():
    rows = assets.known()
    assert len({row.name for row in rows}) == len(rows) > 20
    assert len({row.fingerprint for row in rows if not row.shipped}) == len(
        [row for row in rows if not row.shipped]
    )
    for row in rows:
        assert row.licence
        assert row.about
        if row.shipped:
            assert row.redistributable
            assert assets.locate(row.name) == assets.shipped(row.name)
        else:
            assert callable(extractor_of(row))
        for package in row.packages:
            assert package.ecosystem == "stdlib" or len(package.sha256) == 64


def test_importing_the_room_is_cheap():
    probe = "import sys; import gapless.assets; print('\\n'.join(sys.modules))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=env
    ).stdout.split()
    assert "gapless.assets" in loaded
    heavy = {"torch", "transformers", "zstandard", "numpy", "subprocess", "json", "tarfile"}
    assert not heavy & set(loaded)


@pytest.mark.network
@pytest.mark.parametrize("name", ["novels", "pubmed1977", "phenotypes"])
def test_fetch_over_the_network(cache, name):
    """One package of npm and apt, one source archive, one wheel."""
    facts = json.loads((assets.fetch(name) / "asset.json").read_text())
    assert facts["characters"] > 1_000_000
