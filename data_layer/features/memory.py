"""How the C library keeps memory: arrays of a group are freed and asked for again thousands of times a second."""

from __future__ import annotations

import ctypes
import functools
import sys

# mallopt's parameters (malloc.h) and what they are set to.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
KEEP = 256 * 2**20  # bytes kept instead of given back: a group's arrays on two threads, several times over
LARGEST = 32 * 2**20  # the most glibc allows; greater arrays still come from, and go back to, the system


@functools.cache
def keep_freed_memory() -> bool:
    """Make glibc reuse the memory of freed arrays; elsewhere nothing is done, and False returned.

    By default it hands every array of more than 128 kB back to the system, which clears each page anew for the
    next one: half of the time of all indicators went there.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, such as musl
        return False
    return all([mallopt(TRIM_THRESHOLD, KEEP), mallopt(TOP_PAD, 2**24), mallopt(MMAP_THRESHOLD, LARGEST)])
