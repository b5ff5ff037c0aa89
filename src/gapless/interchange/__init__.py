"""Interchange: what other trainers read and write, to and from our own.

    token stores, orders --IndexedWriter----> NAME.bin, NAME.idx      (Megatron-LM)
    documents -----------JsonLinesWriter----> FILE.jsonl[.zst|.gz]    (LLaMA-Factory, axolotl, ...)
    a config of LLaMA-Factory or axolotl --import_config--> a commented recipe

`foreign.py` keeps account of a config's keys: each is carried over or left out with a reason, none
is dropped silently. `trainer_keys.py` knows what both tools take over from the trainer of
`transformers`, `llama_factory.py` and `axolotl.py` what is their own, `recipe_text.py` writes the
recipe down.

To add a tool: one file that fills a `Draft` from a `Config`, one line in the table of
`importing.py`, its configs in ``tests/interchange``.
"""

from gapless.interchange.importing import Imported, import_config
from gapless.interchange.json_lines import JsonLinesWriter
from gapless.interchange.megatron import IndexedWriter

__all__ = ["Imported", "IndexedWriter", "JsonLinesWriter", "import_config"]
