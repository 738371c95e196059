"""Work in processes forked from this warmed one, and ways to end them at a chosen point."""

from __future__ import annotations

import itertools
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from adbc_driver_postgresql import dbapi

# Where a step touches the database: the only places between which killing it makes a difference.
TOUCHED = (
    (psycopg.Connection, "execute"),
    (psycopg.Connection, "commit"),
    (psycopg.Copy, "write"),
    (dbapi.Cursor, "execute"),
)


class Child:
    """A forked process that does some work and leaves; its traceback goes to a file."""

    def __init__(self, work: Callable[[], Any], errors: Path):
        self.errors = errors
        errors.unlink(missing_ok=True)
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                work()
                status = 0
            except BaseException:
                errors.write_text(traceback.format_exc())
            finally:
                os._exit(status)  # nothing of pytest's own may run here

    def kill(self) -> None:
        """End it as the kernel's out-of-memory killer would."""
        os.kill(self.pid, signal.SIGKILL)

    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def wait(self, seconds: float = 120.0) -> int:
        """Return its exit status, negative for the signal that ended it."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                self.kill()
                os.waitpid(self.pid, 0)
                raise TimeoutError(f"process {self.pid} took more than {seconds} s")
            time.sleep(0.002)

    def succeed(self) -> None:
        """Wait, and fail with its traceback unless it ended well."""
        status = self.wait()
        assert status == 0, self.errors.read_text() if self.errors.exists() else f"exit status {status}"


COMMITS = ((psycopg.Connection, "commit"),)


def trip(
    at: int, action: Callable[[], Any], touched: tuple[tuple[type, str], ...] = TOUCHED
) -> Callable[[], int]:
    """Call the action at the at-th point before or after this process touches the database.

    Points count from 1; of the COMMITS, point 2k lies right after the k-th. For a forked process only: nothing
    is put back. Returns a function that tells how many points were passed.
    """
    points = itertools.count(1)
    passed = [0]

    def reach() -> None:
        passed[0] = next(points)
        if passed[0] == at:
            action()

    def wrap(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            reach()
            result = real(*args, **kwargs)
            reach()
            return result

        setattr(owner, name, wrapped)

    for owner, name in touched:
        wrap(owner, name)
    return lambda: passed[0]


def die() -> None:
    """End this process on the spot."""
    os.kill(os.getpid(), signal.SIGKILL)
