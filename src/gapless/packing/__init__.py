"""Packing: rows of document slices become arrays of tokens, with the documents' borders.

    Row + token store --pack--> ids, positions (restart at every border), targets

Positions tell attention where documents begin; a target never lies across a border.
"""

from gapless.packing.pack import IGNORED, PackedRows, pack

__all__ = ["IGNORED", "PackedRows", "pack"]
