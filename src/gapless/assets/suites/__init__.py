"""Suites: tasks made by rule from the text of other assets; a suite is a folder of task folders.

    packages --ontologies, wordnet, english_prose, chinese--> drafts, more than are wanted
    drafts --Seen--> those that no shipped corpus holds --items.write--> TASK/task.yaml, items

`items.py` knows what a task is and draws choices, `seen.py` what the shipped corpora say. The
functions of `extract_suites.py` put a suite together. No question was written by hand, and each
item names the text that it is made of.

To add a task: a function that yields drafts, a `SuiteTask`, a line in `extract_suites.py`; then
scripts/build_suites.py, and the accuracies of a model or two (docs/tasks.md).
"""
