"""Analysis: from an arm's measurements to conclusions. Only numpy; torch is never imported.

    measurements.jsonl, items/*.npz --load_arm--> probe curves --role_curves--> role curves
          curve --measure_gap--> Gap          items --replicate--> curves of resampled items
                             `----------> analyse <-----------'
                                      rows |  `--Evidence--> advise
                                           |                   | findings
                                      analysis.json <----------'

`curves.py` says what a curve is, `gap.py` what the stability gap of one is (``docs/gap.md``),
`bootstrap.py` how sure each number is, `together.py` how sure they are all together, `repeats.py`
what several seeds say, `conclusions.py` puts it into rows. Arms side by side: `comparisons.py` by
their ends, `budgets.py` at equal cost, `seeds_apart.py` several seeds against several, `trade.py`
gain against forgetting, `turning.py` perplexity beside tasks. `advisor.py` has the rules that say
what follows.

To add a quantity of a curve: one line in `gap.quantities`, one field of `Gap`, one exact test.
To add a rule: a function in `rules_*.py`, a line in `advisor.RULES`, two tests.
"""

from gapless.analysis.advisor import advise
from gapless.analysis.bootstrap import Intervals, replicate
from gapless.analysis.comparisons import compare
from gapless.analysis.conclusions import Analysis, Named, analyse, read_analysis, write_analysis
from gapless.analysis.curves import Arm, Curve, ProbeHistory, load_arm, role_curves
from gapless.analysis.evidence import Evidence
from gapless.analysis.findings import Finding
from gapless.analysis.gap import Gap, measure_gap

__all__ = [
    "Analysis",
    "Arm",
    "Curve",
    "Evidence",
    "Finding",
    "Gap",
    "Intervals",
    "Named",
    "ProbeHistory",
    "advise",
    "analyse",
    "compare",
    "load_arm",
    "measure_gap",
    "read_analysis",
    "replicate",
    "role_curves",
    "write_analysis",
]
