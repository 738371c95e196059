"""Which code decides: a hash of the files, for an installation need not have a repository beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from data_layer.settings import ROOT

DAILY = ("models", "data_layer", "plugins", "include/sql")  # all that a session of the daily chain is decided by
SUFFIXES = {".py", ".sql"}


def code_version(folders: Sequence[str]) -> str:
    """Return a hash of the folders' programs and statements, sixteen hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def daily_code() -> str:
    """Return the hash of the code that this process decides sessions with."""
    return code_version(DAILY)
