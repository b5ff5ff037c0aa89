"""The report of a sweep: one self-contained HTML file, like that of a run.

    SweepContent --> ranking, responses, front, laws, proposal --> templates/sweep_*.html.j2

`content.py` is what comes in. Each other file turns its part of it into a `Section`; `page.py` puts
them into the frame that all reports have. The charts are of the kind ``points``: see
`assets/points.js` and `figures/points.py`.
"""

from gapless.report.sweeps.content import SweepContent
from gapless.report.sweeps.page import render_sweep

__all__ = ["SweepContent", "render_sweep"]
