"""Connections that wait for the next transaction: for a suite of thousands that has one process and crashes nothing.

A session of its own costs a transaction five times what its statements do; whose login, cold caches and end are not
what is tested can leave them out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus


@pytest.fixture
def kept_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a connection whose block has ended serve the next one who asks for the same; a thread at a time."""
    idle: dict[tuple[Any, ...], list[psycopg.Connection[Any]]] = {}
    real = psycopg.connect

    class Kept(psycopg.Connection[Any]):
        key: tuple[Any, ...]
        _pool = True  # psycopg's own mark of a connection that the end of its block does not close

        def __exit__(self, *raised: Any) -> None:
            super().__exit__(*raised)
            if self.info.transaction_status == TransactionStatus.IDLE:
                idle.setdefault(self.key, []).append(self)
            else:
                self.close()

    def connect(uri: str = "", **how: Any) -> psycopg.Connection[Any]:
        key = (uri, *sorted((name, str(value)) for name, value in how.items()))
        with contextlib.suppress(KeyError, IndexError):
            return idle[key].pop()
        made = Kept.connect(uri, **how)
        made.key = key
        return made

    monkeypatch.setattr(psycopg, "connect", connect)
    yield
    monkeypatch.setattr(psycopg, "connect", real)
    for connections in idle.values():
        for connection in connections:
            connection.close()
