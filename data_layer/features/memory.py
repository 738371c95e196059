"""How memory that arrays have freed is kept for the next ones: new pages cost more than most work on them."""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# mallopt's parameters (malloc.h) and what they are set to.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
KEEP = 256 * 2**20  # bytes kept instead of given back: a group's arrays on two threads, several times over
PAD = 16 * 2**20  # bytes the heap grows by
LARGEST = 32 * 2**20  # the most glibc allows; greater arrays still come from, and go back to, the system
# Of large pages (madvise(2), mman.h). The heap is as long as reading and working on a market takes; untouched it is
# only an address.
HUGE_PAGE, MADV_HUGEPAGE = 2 * 2**20, 14
HEAP, FOR_EVER = 2**30, 2**31 - 1


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
    return all([mallopt(TRIM_THRESHOLD, KEEP), mallopt(TOP_PAD, PAD), mallopt(MMAP_THRESHOLD, LARGEST)])


@functools.cache
def share_freed_memory() -> bool:
    """Let all threads and Arrow take what others have freed: for a process that reads much once and ends.

    Each thread and Arrow have stores of their own by default, so that what the reading has freed lies idle while the
    arithmetic asks the system for as much again. A thread begun before keeps its own: call this first, on the main
    thread, where the store is one of large pages as well. Best before Arrow is imported: it begins threads, and settles
    then which store it takes for what nobody names one for, such as a reader's pages.
    """
    is_shared = False
    if keep_freed_memory():
        libc = ctypes.CDLL(None)
        libc.setenv(b"ARROW_DEFAULT_MEMORY_POOL", b"system", 0)  # unless somebody has chosen another
        is_shared = bool(libc.mallopt(ARENA_MAX, 1)) and _lengthen_heap(libc)
    import pyarrow as pa  # not for whoever only wants no garbage looked for while it imports this

    pa.set_memory_pool(pa.system_memory_pool())
    return is_shared


def _lengthen_heap(libc: ctypes.CDLL) -> bool:
    """Let the heap grow at once, and ask for it in pages of 2 MB: the system clears one in the time of eight small."""
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.mallopt(TRIM_THRESHOLD, FOR_EVER)
    libc.mallopt(TOP_PAD, HEAP)
    begin = libc.malloc(PAD)
    libc.free(begin)
    libc.mallopt(TOP_PAD, PAD)
    first, end = -(-begin // HUGE_PAGE) * HUGE_PAGE, libc.sbrk(0)
    # Elsewhere than on the heap, when the system would not let it grow or a thread has a store of its own.
    return bool(first < end and libc.madvise(first, end - first, MADV_HUGEPAGE) == 0)


@contextmanager
def without_collections(*, for_good: bool = False) -> Iterator[None]:
    """Look for no garbage until the block ends: for work that keeps nearly all it makes.

    Args:
        for_good: what is there at the end is never looked through, not even then: for a process with little more to do.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if for_good:
                gc.freeze()
            gc.enable()
