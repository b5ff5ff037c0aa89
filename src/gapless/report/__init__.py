"""The report: one self-contained HTML file, read without any network.

    Content --> sections/*.py --> templates/*.html.j2 --> page.py --> str

`content.py` is what comes in (`text_content.py`: sources, removals, scores;
`comparison_content.py`: arms side by side): plain values, filled by the workflow. Each file in
`sections/` turns its part of it into a `Section`; `verdict.py` writes the sentences, `plots.py` the
line charts' data and tables, `turns.py` those of the arms' ways, `side_by_side.py` the tables of
arms at the same cost, `histograms.py` the charts of scores, `decisions.py` those of reacting
mixtures, `stretches.py` and `distribution.py` do the arithmetic of mixtures and scores,
`source_styles.py` gives every source and topic its colour, `numbers.py` every number its shape. The
charts are drawn as SVG by `assets/*.js`.

To add a section: one file in `sections/`, one template, one line in `sections/table.py`.
"""

from gapless.report.comparison_content import (
    AtFlops,
    PairRow,
    SeedPairRow,
    SeedsRow,
    TaskTurn,
    TurningRow,
)
from gapless.report.content import (
    ArmContent,
    Content,
    CurriculumTrace,
    CurveContent,
    FindingContent,
    GapRow,
    GradientContent,
    MixturePoint,
    PartMoves,
    PhaseMark,
    Round,
    SampleContent,
    TopicDecision,
    Trace,
)
from gapless.report.page import render
from gapless.report.synthesis_content import (
    LabelCounts,
    RejectionContent,
    SynthesisContent,
    WrittenExample,
)
from gapless.report.text_content import (
    ClassifierContent,
    LabelContent,
    LabelledSource,
    RemovalContent,
    RemovedExample,
    ScoreContent,
    ScoredExample,
    ScoredSource,
    SelectedContent,
    SourceContent,
)

__all__ = [
    "ArmContent",
    "AtFlops",
    "ClassifierContent",
    "Content",
    "CurriculumTrace",
    "CurveContent",
    "FindingContent",
    "GapRow",
    "GradientContent",
    "LabelContent",
    "LabelCounts",
    "LabelledSource",
    "MixturePoint",
    "PairRow",
    "PartMoves",
    "PhaseMark",
    "RejectionContent",
    "RemovalContent",
    "RemovedExample",
    "Round",
    "SampleContent",
    "ScoreContent",
    "ScoredExample",
    "ScoredSource",
    "SeedPairRow",
    "SeedsRow",
    "SelectedContent",
    "SourceContent",
    "SynthesisContent",
    "TaskTurn",
    "TopicDecision",
    "Trace",
    "TurningRow",
    "WrittenExample",
    "render",
]
