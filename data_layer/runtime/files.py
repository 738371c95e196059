"""Small files that hold state: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ConfigError


def _temporary(path: Path, text: str) -> Path:
    """Write the text to a new file (mode 0600) beside the path, flushed to the disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content in one step; a reader sees the old text or the new one, mode 0600."""
    _temporary(path, text).replace(path)


def write_once(path: Path, text: str) -> str:
    """Write the file unless it exists, and return what it holds; of two writers at once one wins for both."""
    if not path.exists():
        new = _temporary(path, text)
        try:
            path.hardlink_to(new)  # unlike a rename, a link never replaces what another process put there
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text()


@contextmanager
def exclusive_lock(path: Path, *, what: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock file for the block; the kernel frees it when the process ends, however it ends.

    Args:
        path: the lock file; it keeps the holder's process id.
        what: what the holder does, for the message.
        wait_seconds: how long to wait for another holder.

    Raises:
        ConfigError: when another process holds it; names its process id.
    """
    deadline = time.monotonic() + wait_seconds
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                holder = os.pread(descriptor, 32, 0).decode().strip()
                raise ConfigError(
                    f"{what} already runs for this home",
                    stage="run",
                    key="pid",
                    value=holder,
                    remedy=f"wait for it, or end it with `kill {holder}`; `make status` shows how far it is",
                ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds the lock file."""
    try:
        with exclusive_lock(path, what=""):
            return False
    except ConfigError:
        return True
