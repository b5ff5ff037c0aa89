"""What an arm gives away: folders that `transformers` loads."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapless.modeling import plain_state, save_model
from gapless.recipe.methods import Method
from gapless.records.arm_journals import AVERAGE
from gapless.records.journal import Journal
from gapless.tokenization import TEMPLATE_FILE, files, template_files
from gapless.training.average import Average
from gapless.training.loop import TrainingJob
from gapless.training.processes import Processes
from gapless.training.sharding import whole_state
from gapless.workflow.base_model import BaseModel
from gapless.workflow.stage import Stage

MODEL_FOLDER = "model"


@dataclass(frozen=True, kw_only=True)
class Export:
    """How the model of one arm is written."""

    method: Method
    model: BaseModel
    tokens: Sequence[Stage]
    """They may know a chat template, which goes along."""
    processes: Processes

    def write(self, loaded: Any, out: Path) -> None:
        """Write an adapted model with its tokenizer: a folder that `transformers` loads."""
        whole = whole_state(loaded, self.processes)
        if not self.processes.is_first:
            return
        out.mkdir(exist_ok=True)
        state = plain_state(whole, self.method)
        save_model(loaded, out, dtype=self.model.stored_dtype(), state=state)
        tokenizer = self.model.tokenizer_dir
        told = [stage.path / TEMPLATE_FILE for stage in self.tokens]
        for path in (*files(tokenizer), *template_files(tokenizer), *filter(Path.is_file, told)):
            shutil.copyfile(path, out / path.name)


def write_average(job: TrainingJob, loaded: Any, export: Export) -> None:
    """Write the averaged model beside the model, where the recipe asks for it, and measure it."""
    for hook in job.hooks:
        if not isinstance(hook, Average):
            continue
        with hook.in_place(loaded):
            export.write(loaded, job.folder / f"{MODEL_FOLDER}-average")
            measured = job.measure(loaded, job.order.num_tokens)
        if job.processes.is_first:
            journal = Journal(job.folder / AVERAGE)
            journal.path.unlink(missing_ok=True)
            journal.append(*(measurement.row() for measurement in measured.measurements))
