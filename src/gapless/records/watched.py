"""What the journals of a training call what is watched: names that writers and readers share.

observations.jsonl    a row each time the model is measured: `UPDATE`, `PER_MILLION`, `GRADIENTS`
speed.jsonl           rows of seconds, `SHARE`, `WHAT` was done, `PEAK_MEMORY`, `PARTS`; some have
                      `JOULES` and `METERED`, since the row before that has them; the first `POWER`
"""

from typing import Literal

UPDATE, PER_MILLION = "weight_update", "weight_update_per_million_tokens"
"""Of each part of a model: how far it is from the base, and how fast it moves away."""
EMBEDDINGS, HEAD, FINAL_NORM = "embeddings", "head", "final_norm"
"""The parts of a model beside its layers, which go by their numbers."""
GRADIENTS, COSINE, LAYER_COSINES = "gradients", "cosine", "layer_cosines"
WHAT, SHARE, PEAK_MEMORY = "what", "share_of_matrix_rate", "peak_memory_bytes"
Work = Literal["measuring", "watching", "saving"]
"""What `WHAT` may be."""
PARTS = "parts"
"""Of what was done, name to seconds: of the recipe's probes, or of the hooks that watch."""
POWER, JOULES, METERED = "power", "joules", "metered_seconds"
"""What tells the machine's power, or why nothing does; energy, and the seconds it was taken in."""
UNMETERED = "not measured: "
"""How a `POWER` begins that is a reason."""
