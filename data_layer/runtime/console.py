"""What the commands print, and how they end."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence

from data_layer.runtime.environment import name_the_user
from models.errors import AlmanacError

INTERRUPTED = 130  # what a shell reports for Ctrl-C


def say(line: str = "") -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns: numbers to the right, everything else to the left."""
    cells = [list(headers), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    numeric = [all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(headers))]
    for row in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        say("  " + "  ".join(padded).rstrip())


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}" if isinstance(value, float) else str(value)


def ends(command: Callable[[], int]) -> None:
    """Run a command and exit with its code; an error of ours is one clear line, not a traceback."""
    os.umask(0o077)  # whatever is written on the way, by us or by Airflow, is its owner's alone
    name_the_user()
    try:
        code = command()
        gc.freeze()  # Python looks for garbage twice on its way out, and the memory goes with the process anyway
        sys.exit(code)
    except AlmanacError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was started goes on, `make stop` ends it\n")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away: nothing is left to tell it
        sys.exit(1)
