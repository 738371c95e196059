"""How memory that arrays have freed is kept for the next ones: new pages cost more than most work on them."""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

# mallopt's parameters (malloc.h) and what they are set to.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
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


@functools.cache
def share_freed_memory() -> bool:
    """Let all threads and Arrow take what others have freed: for a process that reads much once and ends.

    Each thread and Arrow have stores of their own by default, so that what the reading has freed lies idle while the
    arithmetic asks the system for as much again.
    """
    kept = keep_freed_memory()
    pa.set_memory_pool(pa.system_memory_pool())
    return kept and bool(ctypes.CDLL(None).mallopt(ARENA_MAX, 1))


@contextmanager
def without_collections() -> Iterator[None]:
    """Look for no garbage until the block ends: for work that keeps nearly all it makes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
