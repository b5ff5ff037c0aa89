"""The report: one self-contained HTML file, read without any network.

    Content --> sections/*.py --> templates/*.html.j2 --> page.py --> str

`content.py` is what comes in: plain values, filled by the workflow. Each file in `sections/` turns
its part of it into a `Section`; `verdict.py` writes the sentences, `plots.py` the line charts' data
and tables, `numbers.py` every number's shape. The charts are drawn as SVG by `assets/*.js`.

To add a section: one file in `sections/`, one template, one line in `sections/table.py`.
"""

from gapless.report.content import (
    ArmContent,
    Content,
    CurveContent,
    GapRow,
    MixturePoint,
    RemovalContent,
    SourceContent,
    Trace,
)
from gapless.report.page import render

__all__ = [
    "ArmContent",
    "Content",
    "CurveContent",
    "GapRow",
    "MixturePoint",
    "RemovalContent",
    "SourceContent",
    "Trace",
    "render",
]
