"""Where no sandbox works, no program is run, and the error says what to do."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gapless.sandbox import Limits, Sandbox, SandboxError
from gapless.sandbox.probe import probe


def test_without_bubblewrap_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SandboxError, match=r"bubblewrap .* is not installed") as caught:
        Sandbox.choose()
    assert caught.value.where == "PATH"
    assert "apt-get install bubblewrap" in str(caught.value.mend)


def test_on_another_system_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="needs Linux"):
        Sandbox.choose()


def test_without_ldd_the_error_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = shutil.which("bwrap") or "/bin/true"
    (tmp_path / "bwrap").symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="ldd cannot be run"):
        Sandbox.choose()


def test_a_bubblewrap_that_does_not_start_is_quoted_without_its_escapes(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\nprintf 'bwrap: No \\033[31mpermissions\\n' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxError, match=r"did not start: bwrap: No \[31mpermissions") as caught:
        Sandbox.choose()
    assert caught.value.where == str(broken)
    assert "docs/sandbox.md" in str(caught.value.mend)
    broken.write_text("not a program")
    with pytest.raises(SandboxError, match="did not start: Exec format error"):
        replace(sandbox, bubblewrap=str(broken)).run("x = 1")


def test_without_user_namespaces_the_error_quotes_the_kernel(sandbox: Sandbox) -> None:
    code = "from gapless.sandbox import Sandbox\nSandbox.choose()"
    shell = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", shell, sys.executable, code]
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not here")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SandboxError" in done.stderr
    assert "did not start: bwrap: " in done.stderr
    assert "max_" in done.stderr


def test_the_probe_passes_where_the_sandbox_holds(sandbox: Sandbox) -> None:
    assert sandbox.run(probe(Limits())).kind == "passed"


def test_the_probe_sees_processes_that_are_allowed(unfiltered: Sandbox) -> None:
    verdict = unfiltered.run(probe(Limits()))
    assert verdict.kind == "failed"
    assert "it makes processes" in verdict.message


def test_the_probe_sees_the_host(sandbox: Sandbox) -> None:
    binds = (*sandbox.interpreter.binds, ("/etc", "/etc"))
    holed = replace(sandbox, interpreter=replace(sandbox.interpreter, binds=binds))
    assert "it sees the host" in holed.run(probe(Limits())).message


@pytest.mark.parametrize("name", ["memory_bytes", "file_bytes", "cpu_seconds", "threads"])
def test_the_probe_sees_limits_that_are_not_held(sandbox: Sandbox, name: str) -> None:
    asked, got = Limits(), replace(Limits(), **{name: 2 * getattr(Limits(), name)})
    verdict = sandbox.run(probe(asked), limits=got)
    assert verdict.kind == "failed"
    assert "AssertionError" in verdict.message


def test_a_sandbox_that_does_not_hold_is_refused(
    unfiltered: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gapless.sandbox.sandbox.call_filter", lambda: unfiltered.call_filter)
    with pytest.raises(SandboxError, match=r"does not hold: its probe failed, .*processes"):
        Sandbox.choose()
