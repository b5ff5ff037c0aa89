"""The command as its own process: broken pipes and a real mistake, as a shell sees them."""

import subprocess
import sys
from pathlib import Path

COMMAND = "from gapless.cli.main import run; run()"


def test_a_reader_that_leaves_is_no_news() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()


def test_a_wrong_recipe_is_one_message_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: x\nmodle: 1\n")
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "plan", "recipe.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: recipe.yaml: 2 mistakes\n"
        "  recipe.yaml: sources: is missing.\n"
        "  recipe.yaml:2: modle: there is no such setting. Did you mean 'model'?\n"
    )
