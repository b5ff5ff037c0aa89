"""The examples run, as a user would run them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_library_example(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples/from_python.py"), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "domain" in done.stdout
    assert (tmp_path / "run/report.html").is_file()
    base, main = (line for line in done.stdout.splitlines() if "bits per byte" in line)
    assert float(main.split("domain ")[1].split(",")[0]) < float(
        base.split("domain ")[1].split(",")[0]
    )
