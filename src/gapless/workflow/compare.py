"""Several runs side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gapless.records.artifact import write_text
from gapless.records.views import Comparison
from gapless.workflow.report_content import analysis_of, content_of
from gapless.workflow.results import summary
from gapless.workflow.run_folder import RunFolder


def compare_runs(folders: Sequence[RunFolder], out: Path | None) -> Comparison:
    """Return every run's summary; write one report of all arms to ``out``."""
    rows = tuple(
        (folder.recipe().name, row)
        for folder in folders
        for row in summary(analysis_of(folder, folder.stages()).rows)
    )
    if out is not None:
        from gapless.report import render

        contents = [content_of(f, arm_prefix=f"{f.recipe().name}/") for f in folders]
        joined = replace(
            contents[0],
            title="Comparison of " + ", ".join(content.run_name for content in contents),
            arms=tuple(arm for content in contents for arm in content.arms),
            findings=tuple(finding for content in contents for finding in content.findings),
            pairs=tuple(pair for content in contents for pair in content.pairs),
            recipe_yaml="\n".join(f"# {c.run_name}\n{c.recipe_yaml}" for c in contents),
            warnings=tuple(_different_probes(contents)),
        )
        write_text(out, render(joined))
    return Comparison(rows=rows, report=out)


def _different_probes(contents: Sequence[object]) -> list[str]:
    measured = {
        tuple(sorted((s.name, s.held_out_documents) for s in content.sources))  # type: ignore[attr-defined]
        for content in contents
    }
    if len(measured) == 1:
        return []
    return ["The runs were measured on different held-out text: their values do not compare."]
