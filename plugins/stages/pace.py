"""How a pass over many sessions uses the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

from data_layer.features.memory import without_collections


@contextmanager
def steady() -> Iterator[None]:
    """Multiply matrices on one thread, and look for no garbage, until the block ends.

    A year of 400 symbols is too little for several threads: they waited for one another eight times as long as the
    product takes. And a pass keeps nearly all it makes till it is written, so the collector walked millions of
    records, again and again, to free none.
    """
    with without_collections(), _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    """Return the numeric libraries of this process, looked for once."""
    return ThreadpoolController()
