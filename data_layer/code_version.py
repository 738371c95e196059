"""Which code decides: a hash of the files, for an installation need not have a repository beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from data_layer.settings import ROOT

DAILY = ("models", "data_layer", "plugins", "include/sql")  # all that a session of the daily chain is decided by
SUFFIXES = {".py", ".sql"}


def code_version(parts: Sequence[str]) -> str:
    """Return a hash of files and of the folders' programs and statements, sixteen hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for part in parts for path in _files(ROOT / part)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files(part: Path) -> Iterable[Path]:
    return [part] if part.suffix in SUFFIXES else (p for p in part.rglob("*") if p.suffix in SUFFIXES)


@cache
def daily_code() -> str:
    """Return the hash of the code that this process decides sessions with."""
    return code_version(DAILY)
