"""How the process keeps its memory, so that it takes no more after a million tasks than before."""

import ctypes
import gc

YOUNG_OBJECTS = 20_000
"""How many there may be before the garbage collector looks at them. By default it does so after
700, and a page of a listing has a hundred times as many: that was a third of the work at a start
among many tasks."""

LARGE_BLOCK = 128 * 1024
"""Bytes from which on a block has a mapping of its own, and goes back to the system when freed.
It is glibc's own default; but by default glibc raises it to the largest block that was ever freed,
and so what watches are read into would come to lie between all else: gaps that grew for as long as
tasks came. https://man7.org/linux/man-pages/man3/mallopt.3.html"""
_M_MMAP_THRESHOLD = -3


def keep_compact() -> None:
    """Set both for this process; where the C library is not glibc, the collector alone."""
    gc.set_threshold(YOUNG_OBJECTS)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)
