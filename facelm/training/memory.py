"""The C library's memory: what a training step frees, the next one takes again."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of the GNU C library


def keep_freed_memory() -> None:
    """Keep freed memory in the process, where the C library is GNU's; elsewhere nothing happens.

    Each tensor of some size is otherwise mapped anew, and the kernel clears its pages: about a fifth of the time
    of a training step on the CPU.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_TRIM_THRESHOLD, -1)
        library.mallopt(_M_MMAP_MAX, 0)
