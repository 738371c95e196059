"""The page of training runs: whatever ends the command ends its server and what that has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# A server with a worker, which outlives it unless the group is ended; it says both numbers.
SERVER = "sleep 300 & echo $$ $!; wait"
COMMAND = f"from data_layer.runtime.mlflow_page import serve; raise SystemExit(serve(['bash', '-c', {SERVER!r}], {{}}))"


def runs(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_the_server_and_its_workers_end_with_the_command(how):
    with subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, text=True) as command:
        started = [int(number) for number in command.stdout.readline().split()]
        assert len(started) == 2 and all(map(runs, started))
        os.kill(command.pid, how)
        assert command.wait(30) == 0
    until = time.monotonic() + 10
    while any(map(runs, started)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(runs, started))


def test_a_server_that_ends_by_itself_hands_its_code_on():
    again = COMMAND.replace(repr(SERVER), repr("exit 3"))
    assert subprocess.run([sys.executable, "-c", again], check=False).returncode == 3
