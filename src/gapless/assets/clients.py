"""One downloaded file through the ordinary package client: pip, npm or apt-get."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from gapless.assets.registry import Package
from gapless.errors import AssetError

_LIMIT_S = 3600
_OFFLINE = re.compile(
    r"Could not resolve|Temporary failure|Name or service not known|ENOTFOUND|EAI_AGAIN"
    r"|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|Network is unreachable|Connection refused"
    r"|Failed to establish|NewConnectionError|Could not connect|Read timed out|from versions: none",
    re.IGNORECASE,
)
_HELP = {
    "pypi-sdist": "It is fetched with pip (python -m ensurepip installs it) and a network.",
    "pypi-wheel": "It is fetched with pip (python -m ensurepip installs it) and a network.",
    "npm": "It is fetched with npm, a part of Node.js, and a network.",
    "apt": "It is fetched with apt-get on Debian 12 (bookworm), and a network.",
}


def download(package: Package, folder: Path, *, asset: str, by_hand: Path) -> Path:
    """Let the package's client put its file into the empty folder, and return the file.

    `by_hand` is the folder that an error names for a file that the user downloads elsewhere.

    Raises:
        AssetError: the client is missing, there is no network, or it does not serve this version.

    """
    command = _command(package, folder)
    where = place(package, asset)
    mend = f"{_HELP[package.ecosystem]} Or put the file, downloaded elsewhere, into {by_hand}"
    if shutil.which(command[0]) is None:
        raise AssetError(f"the program {Path(command[0]).name} is missing", where=where, mend=mend)
    try:
        done = subprocess.run(  # noqa: S603 - the command is built from our own table
            command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AssetError("the download took over an hour", where=where, mend=mend) from error
    files = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode == 0 and len(files) == 1:
        return files[0]
    raise AssetError(_reason(package, done.stdout + done.stderr), where=where, mend=mend)


def place(package: Package, asset: str) -> str:
    """Return how an error names a package of an asset."""
    return f"asset {asset!r}, {package.ecosystem} package {package.name} {package.version}"


def _command(package: Package, folder: Path) -> list[str]:
    if package.ecosystem == "npm":
        wanted = f"{package.name}@{package.version}"
        return ["npm", "pack", "--silent", "--pack-destination", str(folder), wanted]
    if package.ecosystem == "apt":
        return ["apt-get", "download", "-q", f"{package.name}={package.version}"]
    kind = ["--no-binary", package.name] if package.ecosystem == "pypi-sdist" else []
    wheel = ["--only-binary", package.name] if package.ecosystem == "pypi-wheel" else []
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "-q"]
    quiet = ["--disable-pip-version-check", "--ignore-requires-python"]
    wanted = f"{package.name}=={package.version}"
    return [*pip, *quiet, *kind, *wheel, "--dest", str(folder), wanted]


def _reason(package: Package, output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = " / ".join(lines[-3:])[-500:] or "nothing"
    if "No module named pip" in output:
        return "this Python has no pip"
    if _OFFLINE.search(output):
        return f"the package registry could not be reached; is there a network? It said: {said}"
    if package.ecosystem == "apt":
        return (
            "apt-get could not get it: the lists may be old (run: apt-get update), or this is not "
            f"Debian 12, or the version has been replaced. It said: {said}"
        )
    return f"the download failed. It said: {said}"
