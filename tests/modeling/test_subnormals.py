"""What loading a model settles for the process."""

import subprocess
import sys

WORKER = """
import torch
from gapless.modeling import new_model
smallest = torch.full((4,), 1e-40)
assert (smallest * 1).any(), "there must be something to flush"
new_model("llama", {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
    "intermediate_size": 8}, vocabulary_size=16, seed=0)
assert not (smallest * 1).any()
"""


def test_a_model_is_there_only_in_a_process_that_takes_subnormals_for_0() -> None:
    """Threads that began before would go on with them, and a resumed run end in other bits."""
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
