"""`make logs [SESSION=] [STAGE=] [ID=]`: what the tasks of this home have logged, oldest first.

ID is anything that names a thing: the correlation id (the run of data_ingestion that brought the session, which its
signals, orders and fills carry on), another run's id, an order's client_order_id.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path, parse_date
from models.errors import ConfigError

FIELDS = ("stage", "session", "run_id", "correlation_id")  # what every line of a stage's task carries
NEWEST = 200  # lines, when nothing was asked for


def main() -> int:
    """Print the lines asked for; 1 when there is none."""
    asked = {name: os.environ.get(name.upper(), "").strip() for name in ("session", "stage", "id")}
    if asked["session"]:
        parse_date(asked["session"], key="SESSION", stage="logs")
    folder = Home(home_path()).airflow / "logs"
    if not folder.is_dir():
        raise ConfigError("no task has run here", stage="logs", key="ALMANAC_HOME", value=str(folder.parents[1]),
                          remedy="run `make run` first")  # fmt: skip
    found = sorted(find(folder, **asked), key=lambda line: str(line.get("timestamp", "")))
    for line in found if any(asked.values()) else found[-NEWEST:]:
        say(printed(line))
    return 0 if found else 1


def find(folder: Path, *, session: str = "", stage: str = "", id: str = "") -> Iterator[Mapping[str, Any]]:
    """Yield the lines of stages' tasks, file by file.

    Args:
        folder: Airflow's log folder.
        session: YYYY-MM-DD; lines of runs about it, alone or among others.
        stage: DAG id.
        id: any id that a field of the line is, or that its text names.
    """
    for path in sorted(folder.glob("dag_id=*/**/*.log")):
        if stage and path.relative_to(folder).parts[0] != f"dag_id={stage}":
            continue
        with path.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                if id and id not in text.replace("\\/", "/"):
                    continue
                line = _parsed(text)
                if line.get("stage") and _is_about(line, session) and (not id or _names(line, id)):
                    yield line


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:  # a library's own print, or a line that is being written
        return {}
    return line if isinstance(line, dict) else {}


def _is_about(line: Mapping[str, Any], session: str) -> bool:
    last = str(line.get("session") or "")
    return not session or str(line.get("first_session") or last) <= session <= last


def _names(line: Mapping[str, Any], wanted: str) -> bool:
    values = [line.get("run_id"), line.get("correlation_id"), *(line.get("correlation_ids") or ())]
    return wanted in values or wanted in re.split(r"[\s,:]+", str(line.get("event", "")))


def printed(line: Mapping[str, Any]) -> str:
    """Return a line as a person reads it."""
    fields = (str(line.get(name) or "-") for name in FIELDS)
    head = (str(line.get("timestamp", ""))[:23], f"{line.get('level', ''):<7}", *fields)
    error = "".join(f" {e.get('exc_type')}: {e.get('exc_value')}" for e in line.get("error_detail") or ())
    return " ".join((*head, f"{line.get('event', '')}{error}"))


if __name__ == "__main__":
    ends(main)
