"""Hand-made curves with hand-made replicates."""

import numpy as np

from gapless.analysis.comparisons import Replicated
from gapless.analysis.curves import Curve


def replicated(arm, tokens, changes, *, drawn=None, role="domain", metric="accuracy", **options):
    """A curve of the given changes; ``drawn`` is a list of changes, or the size of their noise."""
    changes = np.array(changes, dtype=np.float64)
    name, kind = options.get("name", role), options.get("kind", "role")
    better = metric != "bits_per_byte"
    curve = Curve(
        kind=kind,
        name=name,
        role=role,
        metric=metric,
        higher_is_better=better,
        tokens=np.array(tokens, dtype=np.int64),
        values=1.0 + (changes if better else -changes),
        probes=(name,),
    )
    if isinstance(drawn, float):
        # One error for a whole curve, as items give it; it grows over the first points.
        errors = np.random.Generator(np.random.Philox(options.get("seed", 0))).normal(0, 1, 400)
        grown = np.minimum(1.0, np.arange(len(changes)) / 1)
        drawn = changes + drawn * errors[:, None] * grown
    return Replicated(
        arm,
        curve,
        None if drawn is None else np.array(drawn, dtype=np.float64),
        {name: options.get("num_items", 100)},
        options.get("items", {}),
        np.array(options["flops"], dtype=np.float64) if "flops" in options else None,
    )
