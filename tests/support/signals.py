"""Reading how far each model is, and what it ran with."""

from __future__ import annotations

from typing import Any

from tests.support.chain import query
from tests.support.prepared import MIDDLE

STAGE = "model_execution"


def completed(uri: str, model: str) -> list[str]:
    """Return the sessions a model has completed, the stage itself for an empty name."""
    rows = query(
        uri,
        "SELECT session_date FROM stage_runs WHERE stage = %(stage)s AND model = %(model)s "
        "AND status = 'completed' ORDER BY 1",
        {"stage": STAGE, "model": model},
    )
    return [str(r["session_date"]) for r in rows]


def ran_with(uri: str, model: str) -> dict[str, Any]:
    """Return the parameters a model ran with since MIDDLE, by session."""
    rows = query(
        uri,
        "SELECT r.session_date, r.parameters FROM model_runs r JOIN models m ON m.id = r.model_id "
        "WHERE m.model_name = %(model)s AND r.session_date > %(middle)s ORDER BY 1",
        {"model": model, "middle": MIDDLE},
    )
    return {str(r["session_date"]): r["parameters"] for r in rows}
