"""Averages of models: the verb `merge`."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from gapless.errors import ModelError
from gapless.records.artifact import commit_folder
from gapless.workflow.stage import locate


def merge_folders(
    out: Path,
    models: Sequence[str | Path],
    *,
    weights: Sequence[float] | None,
    base: str | Path | None,
    towards_base: float | None,
) -> list[Path]:
    """Write a new model folder: an average of models, part of the way back to the base.

    The folder appears whole or not at all. The tokenizer and its chat template come from the first
    input that has a tokenizer.
    """
    from gapless.modeling import merge_models

    shares = _shares(len(models), weights)
    folders = [locate(str(model), Path()) for model in models]
    if (base is None) != (towards_base is None):
        raise ModelError(
            "going towards the base takes both the base and how far",
            mend="Give both: --base FOLDER --towards-base 0.3.",
        )
    if base is not None and towards_base is not None:
        if not 0 <= towards_base <= 1:
            what = f"the way towards the base is a number from 0 to 1, not {towards_base}"
            raise ModelError(what, where="--towards-base")
        folders.append(locate(str(base), Path()))
        shares = [*(share * (1 - towards_base) for share in shares), towards_base]
    if out.exists():
        mend = "Name a folder that is not there yet."
        raise ModelError("there is something here already", where=str(out), mend=mend)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        merge_models(folders, shares, partial)
        _copy_tokenizer(folders, partial)
        commit_folder(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return sorted(out.iterdir())


def _shares(count: int, weights: Sequence[float] | None) -> list[float]:
    """Return one weight per model; equal ones when none are given."""
    if not count:
        raise ModelError("there is no model to merge", mend="Name one or more model folders.")
    if weights is None:
        return [1 / count] * count
    if len(weights) != count:
        what = f"{len(weights)} weights were given for {count} models"
        raise ModelError(what, where="--weights", mend="Give one weight per model, in their order.")
    if min(weights) < 0 or not math.isclose(sum(weights), 1, abs_tol=1e-6):
        what = f"the weights are not parts of a whole: they sum to {sum(weights):.6g}"
        mend = "Give numbers of 0 and more that sum to 1."
        raise ModelError(what, where="--weights", mend=mend)
    return list(weights)


def _copy_tokenizer(folders: Sequence[Path], out: Path) -> None:
    from gapless.tokenization import files, template_files

    for folder in folders:
        try:
            found = files(folder)
        except ModelError:  # a checkpoint has none
            continue
        for path in (*found, *template_files(folder)):
            shutil.copyfile(path, out / path.name)
        return
