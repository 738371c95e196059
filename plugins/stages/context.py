"""What every stage step is given: the run, its window, the settings and the database."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_layer.settings import Settings
from data_layer.storage.merge import Mode
from plugins.stages.window import Request, Window

# Each stage waits for the one before it.
CHAIN = ("data_ingestion", "feature_engineering", "model_execution", "risk_execution", "performance_testing")
EVENT_TYPES = {
    "data_ingestion": "market.raw",
    "feature_engineering": "market.engineered",
    "model_execution": "alpha.signals",
    "risk_execution": "trade.decisions",
    "performance_testing": "signals.scored",
}
MERGE_MODES: Mapping[str, Mode] = {"verify": "verify", "restate": "restate", "replay": "replay"}
log = logging.getLogger("almanac")


@dataclass(frozen=True)
class Context:
    """One run of a stage step."""

    request: Request
    window: Window
    settings: Settings
    uri: str  # connects as the writer of the stage's layer, see storage/roles.py
    correlations: Sequence[str] = ()  # of the sessions, the newest's first; see tracing.py

    @property
    def stage(self) -> str:
        """DAG id."""
        return self.request.stage

    @property
    def sessions(self) -> Sequence[dt.date]:
        """Sessions of the window."""
        return self.window.sessions

    @property
    def recomputes(self) -> bool:
        """True when the window's sessions are decided already and only computed again."""
        return self.window.mode in {"verify", "restate", "replay"}

    @property
    def merge_mode(self) -> Mode:
        """How rows of the window's sessions enter their tables."""
        return MERGE_MODES.get(self.window.mode, "insert")

    def say(self, what: str, **counts: Any) -> Mapping[str, Any]:
        """Log what a step did, and return its counts for XCom."""
        span = f"{self.sessions[0]}..{self.sessions[-1]}" if self.sessions else self.window.reason
        text = ", ".join(f"{k} {v}" for k, v in counts.items())
        log.info("[%s] %s (%s, %s): %s", self.stage, what, self.window.mode, span, text or "done")
        return counts


def upstream_of(stage: str) -> str | None:
    """Return the stage a stage waits for, None for the first."""
    at = CHAIN.index(stage)
    return CHAIN[at - 1] if at else None
