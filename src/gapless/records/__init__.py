"""What crosses a stage's border, each with its on-disk schema. Nouns only: no room's work is here.

artifact.py      a committed folder with a manifest       fingerprint.py   content hashes
documents.py     the document and removal tables          token_store.py   flat token files
journal.py       append-only JSON Lines that a resumed run can cut back
measurements.py  one measured value: a row of measurements.jsonl
samples.py       what a model wrote after a prompt: a row of samples.jsonl
watched.py       what the journals of a training call what is watched
views.py         what the verbs answer                    live_views.py   a run while it goes on
"""
