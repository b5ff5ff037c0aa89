"""The verbs from Python: plan a run, do it, ask what the model saw and what it gained.

python examples/from_python.py [RUN_FOLDER]
"""

import sys
from pathlib import Path

import gapless

RECIPE = Path(__file__).parent / "definitions.yaml"


def main(run_dir: Path) -> None:
    plan = gapless.plan(RECIPE, run_dir=run_dir)
    print(f"{plan.parameters:,} parameters; {plan.arms[0].steps} steps planned")

    result = gapless.run(RECIPE, run_dir=run_dir)
    for row in result.summary:
        print(
            f"{row.arm}: domain {row.domain_bits_per_byte:.3f}, "
            f"general {row.general_bits_per_byte:.3f} bits per byte"
        )

    for glimpse in gapless.show(run_dir, token=4096):
        print(f"token {glimpse.token}: {glimpse.source}, {glimpse.work} ({glimpse.reason})")
    print(f"report: {result.report}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/definitions"))
