"""Steps of feature_engineering, each in its own process: `python -m tests.benchmarks.one_step HOME bare|forked STEP`

Bare is this very interpreter, with one step; forked are children of a process that has imported what the scheduler
keeps for its tasks. Nothing of ours is imported before that, or it would not be counted. Forked prints the seconds of
each step; bare, whose time is the caller's to take, the most memory it held (GB).
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import sys
import time
import traceback
from pathlib import Path

STAGE = "feature_engineering"


def take(home: str, step: str) -> None:
    """Take a step for what is due, or once more for the newest session when nothing is."""
    from data_layer.runtime.home import Home
    from data_layer.settings import parse_settings
    from data_layer.storage.database import transaction
    from plugins.stages.context import Context
    from plugins.stages.features import Features
    from plugins.stages.opening import resolve
    from plugins.stages.runs import completed_sessions
    from plugins.stages.window import Request, Window

    uri = Home(Path(home)).uri("quant_writer", "quant_data")
    settings = parse_settings(Path(home), {"SOURCE": "files"})
    request = Request(STAGE, "bench", {}, None, dt.datetime.now(dt.UTC))
    window = resolve(uri, request, settings)
    if not window:
        with transaction(uri) as connection:
            window = Window("catch_up", (max(completed_sessions(connection, STAGE)),))
    getattr(Features(Context(request, window, settings, uri)), step)()


def forked(home: str, step: str) -> float:
    """Return the seconds a child takes for a step.

    Raises:
        RuntimeError: the child failed.
    """
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            take(home, step)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{step} failed")
    return time.perf_counter() - began


def main(home: str, how: str, *steps: str) -> None:
    """Take the steps and print what they took."""
    if how == "bare":
        for step in steps:
            take(home, step)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    else:
        import data_layer.runtime.preload  # noqa: F401

        print(*(forked(home, step) for step in steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
