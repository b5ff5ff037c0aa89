"""Build the documentation site; warnings are errors."""

import subprocess
import sys
from pathlib import Path

from staging import stage

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Stage and render; return the exit status of mkdocs."""
    stage(ROOT, ROOT / "build" / "docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())
