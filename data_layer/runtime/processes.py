"""Finding and ending processes that belong to one home, and never any other."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

# Each service is started with this variable naming its home; its children inherit it.
MARKER = "ALMANAC_SERVICE_OF"


def all_processes() -> Iterable[int]:
    """Yield the ids of all processes of this machine but our own."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name)


def is_postgres_of(pid: int, data: Path) -> bool:
    """Tell whether the process is a Postgres program working in the data folder, as all of a server's do."""
    try:
        program, folder = Path(f"/proc/{pid}/exe").readlink(), Path(f"/proc/{pid}/cwd").readlink()
        return program.name.split()[0] == "postgres" and folder == data.resolve()
    except OSError:
        return False


def am_root() -> bool:
    """Tell whether this process runs as root."""
    return os.geteuid() == 0


def serves(pid: int, home: str) -> bool:
    """Tell whether the process carries the home's marker in the environment it was started with."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{MARKER}={home}".encode() in environment.split(b"\0")


def is_alive(pid: int) -> bool:
    """Tell whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end(find: Callable[[], list[int]], first: signal.Signals, patience: float) -> int:
    """End the processes that ``find`` returns: the given signal, then SIGKILL after ``patience`` seconds.

    Returns:
        How many there were at the start.
    """
    pids = find()
    for pid in pids:
        _send(pid, first)
    deadline = time.monotonic() + patience
    while (left := [pid for pid in find() if is_alive(pid)]) and time.monotonic() < deadline + patience:
        if time.monotonic() > deadline:
            for pid in left:
                _send(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(pids)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself in the meantime
        os.kill(pid, number)
