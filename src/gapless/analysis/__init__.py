"""Analysis: from an arm's measurements to conclusions. Only numpy; torch is never imported.

    measurements.jsonl, items/*.npz --load_arm--> probe curves --role_curves--> role curves
          curve --measure_gap--> Gap          items --replicate--> curves of resampled items
                             `----------> analyse <-----------'
                                             |
                                       analysis.json

`curves.py` says what a curve is, `gap.py` what the stability gap of one is (``docs/gap.md``),
`bootstrap.py` how sure each number is, `conclusions.py` puts them into rows, `comparisons.py` sets
arms side by side.

To add a quantity of a curve: one line in `gap.quantities`, one field of `Gap`, one exact test.
"""

from gapless.analysis.bootstrap import Intervals, replicate
from gapless.analysis.comparisons import compare
from gapless.analysis.conclusions import Analysis, analyse, read_analysis, write_analysis
from gapless.analysis.curves import Arm, Curve, ProbeHistory, load_arm, role_curves
from gapless.analysis.gap import Gap, measure_gap

__all__ = [
    "Analysis",
    "Arm",
    "Curve",
    "Gap",
    "Intervals",
    "ProbeHistory",
    "analyse",
    "compare",
    "load_arm",
    "measure_gap",
    "read_analysis",
    "replicate",
    "role_curves",
    "write_analysis",
]
