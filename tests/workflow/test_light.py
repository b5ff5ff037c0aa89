"""A second run loads nothing heavy: that is what makes it quick."""

import subprocess
import sys
from pathlib import Path

from gapless.workflow import verbs
from tests.workflow.world import make_world

AGAIN = """
import sys
from gapless.workflow import verbs
assert verbs.run(sys.argv[1]).did == ()
print(sorted({"torch", "transformers", "daft"} & sys.modules.keys()))
"""


def test_a_second_run_loads_neither_torch_nor_daft(tmp_path: Path) -> None:
    recipe = make_world(tmp_path)
    verbs.run(recipe)
    command = [sys.executable, "-c", AGAIN, str(recipe)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
