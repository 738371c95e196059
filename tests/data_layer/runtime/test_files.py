from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from data_layer.runtime.files import exclusive_lock, is_locked, write_atomically, write_once
from models.errors import ConfigError

HOLDER = """
import sys, time
from pathlib import Path
from data_layer.runtime.files import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), what="make run"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


def test_write_replaces_the_whole_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "ports.json"
    for text in ("a long first text", "short"):
        write_atomically(path, text)
        assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_keeps_the_old_text(tmp_path, monkeypatch):
    path = tmp_path / "ports.json"
    write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_of_many_first_writers_one_wins_for_all(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        seen = set(pool.map(lambda n: write_once(tmp_path / "secret", f"secret {n}"), range(64)))
    assert len(seen) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "secret"]


def test_second_holder_is_refused_with_the_first_ones_pid(holder, tmp_path):
    with pytest.raises(ConfigError, match=f"already runs .*{holder.pid}.*kill {holder.pid}"):
        exclusive_lock(tmp_path / "lock", what="make run").__enter__()
    assert is_locked(tmp_path / "lock")


def test_killed_holder_frees_the_lock(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not is_locked(tmp_path / "lock")


def test_waiting_holder_gets_the_lock_when_it_is_freed(holder, tmp_path):
    holder.terminate()
    with exclusive_lock(tmp_path / "lock", what="make run", wait_seconds=10):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
