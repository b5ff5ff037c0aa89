"""Figures: every chart of the report as a drawing that stands still, for a paper.

    the page --gather--> title, what its script reads --draw--> SVG, a column wide, on white

The charts are read from the rendered page, so that no figure of it can be missing here.
To add a kind of chart: one function here, one line in `draw.KINDS`.
"""

from gapless.report.figures.draw import draw
from gapless.report.figures.gather import Figure, gather

__all__ = ["Figure", "draw", "gather"]
