"""Suites of tasks by name: those of both papers, with their shots, as far as the harness has them.

Each row is task, shots, and the role where it is not the suite's. Shots None are the task's own.

Guo et al. 2024 (the stability gap), section 4 and appendix B: all zero-shot, in the harness.
Chen et al. 2024 (Llama-3-SynE), tables 2 and 3. With which tool they measured is not said: prompts
and the cutting of answers are the harness's, so compare with the base measured here, not with
the printed numbers.

Not in the harness, and so left out: MAWPS, SciEval. HumanEval and MBPP are in it, but run what the
model writes without a sandbox: ask for them as local tasks with pass@1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapless.evaluation.harness.tasks import TaskSpec


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A table of tasks."""

    role: str
    """``domain`` or ``general``, where the recipe does not say."""
    shots: Mapping[str, int | None]
    """Task, group or tag to its shots."""


SUITES: dict[str, Suite] = {
    # The mean over these five subjects is the paper's "MMLU-Medical".
    "stability_gap_medical": Suite(
        role="domain",
        shots={
            "pubmedqa": 0,
            "medmcqa": 0,
            "medqa_4options": 0,
            "mmlu_medical_genetics": 0,
            "mmlu_anatomy": 0,
            "mmlu_clinical_knowledge": 0,
            "mmlu_professional_medicine": 0,
            "mmlu_college_medicine": 0,
        },
    ),
    "stability_gap_general": Suite(
        role="general",
        shots={
            "arc_challenge": 0,
            "arc_easy": 0,
            "boolq": 0,
            "copa": 0,
            "hellaswag": 0,
            "openbookqa": 0,
            "piqa": 0,
            "race": 0,
            "sciq": 0,
            "winogrande": 0,
        },
    ),
    # Major benchmarks in English. The harness asks ASDiv by likelihood of the answer. MATH is
    # asked as "Problem: ... Answer:"; minerva_math has the four examples of another paper fixed.
    "syne_english": Suite(
        role="general",
        shots={
            "mmlu": 5,
            "hendrycks_math": 5,
            "gsm8k": 8,
            "asdiv": 8,
        },
    ),
    # SAT-Math and AQUA-RAT of AGIEval, which has no examples to show in the harness: zero-shot
    # instead of the paper's 5.
    "syne_reasoning": Suite(role="general", shots={"agieval_sat_math": 0, "agieval_aqua_rat": 0}),
    "syne_chinese": Suite(role="domain", shots={"ceval-valid": 5, "cmmlu": 5}),
    # Science benchmarks. GaoKao is of AGIEval: zero-shot, see above.
    "syne_science": Suite(
        role="domain",
        shots={
            "sciq": 5,
            "arc_easy": 0,
            "arc_challenge": 0,
            "agieval_gaokao_mathqa": 0,
            "agieval_gaokao_chemistry": 0,
            "agieval_gaokao_biology": 0,
        },
    ),
}


def task_specs(
    name: str, *, role: str | None = None, limit: int | None = None, parts: bool = False
) -> Sequence[TaskSpec]:
    """Return the tasks of a suite, with what a recipe says instead of the table."""
    suite = SUITES[name]
    return [
        TaskSpec(name=task, role=role or suite.role, shots=shots, limit=limit, parts=parts)
        for task, shots in suite.shots.items()
    ]
