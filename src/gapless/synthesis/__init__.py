"""Synthesis: text that a language model writes from documents, checked (Chen et al. 2024).

    documents --seeds--> snippets --forms: a prompt--> requests --endpoint--> answers
    answers --sections--> drafts --checks--> documents.jsonl, rejected.jsonl

`write.py` is the job. A form is one prompt per language and one line in `forms.py`; a check is one
line in `checks.py`. Requests are made twice, in one order: once to ask what has no answer yet, in
whatever order the server likes, and once to read the answers back, so that the documents do not
depend on the server's speed.
"""

from gapless.synthesis.checks import REASONS
from gapless.synthesis.disciplines import Labeller, labeller
from gapless.synthesis.documents import WRITTEN
from gapless.synthesis.draft import Draft, Seed
from gapless.synthesis.forms import form_name, prompt_versions
from gapless.synthesis.seeds import deal, seeds_of
from gapless.synthesis.tally import REJECTED
from gapless.synthesis.write import Job, write_documents

__all__ = [
    "REASONS",
    "REJECTED",
    "WRITTEN",
    "Draft",
    "Job",
    "Labeller",
    "Seed",
    "deal",
    "form_name",
    "labeller",
    "prompt_versions",
    "seeds_of",
    "write_documents",
]
