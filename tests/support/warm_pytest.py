"""Runs of pytest forked from a process that has imported what is not ours: each begins within a blink.

This file is both the process, as a program, and what starts it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OURS = {"models", "data_layer", "plugins", "dags", "tests"}


class WarmPytest:
    """Starts runs one after the other."""

    def __init__(self, process: subprocess.Popen[str]):
        self.process = process

    def run(self, folder: Path, arguments: Sequence[str]) -> tuple[int, str]:
        """Run pytest in a folder, whose modules it imports; return the exit code and what it said."""
        said = folder / "said.txt"
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps([str(folder), str(said), list(arguments)]) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, said.read_text()


@contextmanager
def warm_pytest(libraries: Sequence[str], **environment: str) -> Iterator[WarmPytest]:
    """Start the process with these libraries and more environment; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-P", __file__, *libraries], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd="/", env={**os.environ, "PYTHONPATH": "", **environment},
    ) as process:  # fmt: skip
        yield WarmPytest(process)
        assert process.stdin
        process.stdin.close()


def _run(folder: str, said: str, arguments: list[str]) -> None:
    """Become a run of pytest."""
    import pytest

    os.chdir(folder)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder
    with Path(said).open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    code = 1
    try:
        code = pytest.main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # nothing of the process it was forked from may run here


def main() -> None:
    """Import the libraries, then fork a run for each line."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    assert not OURS & {name.partition(".")[0] for name in sys.modules}  # a run imports its own folder's
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
