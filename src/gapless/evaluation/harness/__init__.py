"""Tasks of lm-evaluation-harness, asked of the model in training, without writing or reloading it.

    names --load_tasks--> tasks, their prompts made --write_harness--> harness/<task>.jsonl
    tasks, model --measure_harness--> measurements + what each value is made of, item by item

`tasks.py` loads tasks and makes their prompts, `language_model.py` answers as the harness's own
``hf`` model does, `values.py` turns answers into values, `kept.py` is what a stage keeps of the
tasks, `downloads.py` says what has to be fetched before, `suites.py` names the papers' suites.

lm-evaluation-harness is the extra ``gapless[harness]``; nothing here imports it before it is used.
"""

from gapless.evaluation.harness.downloads import Download, downloads, fetching
from gapless.evaluation.harness.kept import KeptTask, check_same, read_harness, write_harness
from gapless.evaluation.harness.measuring import measure_harness
from gapless.evaluation.harness.registry import check_installed
from gapless.evaluation.harness.suites import SUITES, task_specs
from gapless.evaluation.harness.tasks import LoadedTasks, TaskSpec, load_tasks

__all__ = [
    "SUITES",
    "Download",
    "KeptTask",
    "LoadedTasks",
    "TaskSpec",
    "check_installed",
    "check_same",
    "downloads",
    "fetching",
    "load_tasks",
    "measure_harness",
    "read_harness",
    "task_specs",
    "write_harness",
]
