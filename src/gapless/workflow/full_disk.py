"""Whether something failed because the disk is full."""

import errno
import re

from gapless.errors import GaplessError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WORDS = re.compile(
    rf"os error ({'|'.join(map(str, sorted(FULL)))})\b|No space left on device|"
    r"Disk quota exceeded|^\d+ requested and \d+ written$"
)


def disk_is_full(error: BaseException | None) -> bool:
    """Whether this, or what led to it, is a write that found no room.

    Not every library keeps the system's error number: safetensors and NumPy tell it in words.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if not isinstance(error, GaplessError) and _WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
