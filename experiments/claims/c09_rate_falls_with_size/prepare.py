"""Pre-train the smaller base, into ``small_base`` beside the claims."""

import shutil
from pathlib import Path

import gapless

HERE = Path(__file__).parent.parent
OUT = HERE / "small_base"


def main() -> None:
    """Train, and keep the model alone."""
    if OUT.is_dir():
        return
    folder = HERE / "runs" / "small_base"
    gapless.run(HERE / "recipes" / "small_base.yaml", run_dir=folder)
    [model] = folder.glob("artifacts/training.main-*/model")
    shutil.copytree(model, OUT)


if __name__ == "__main__":
    main()
