"""Alerts of the newest session: opened when a figure is beyond its threshold, closed when it is back."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from data_layer.storage.alerts import Severity, close_others, open_alert
from data_layer.storage.database import Connection, load_sql
from plugins.stages.predictions import ALERT as BLOCKED

# Behind the benchmark by a tenth in a quarter; a fifth below a peak of the last year, the usual name of a bear market;
# a symbol of the universe without a bar for a week.
BEHIND, FALLEN, WITHOUT_BARS = -0.10, -0.20, 5
# Of the limit that latches the kill switch: half way there is time to look.
OF_LIMIT = 0.5
KINDS: dict[str, tuple[Severity, float | None, str]] = {
    "model_underperformance": (
        "warning", BEHIND, "{subject} returned {value:.1%} less its benchmark in 63 sessions: see its tear sheet; "
        "pause it or lower its weight",
    ),
    "model_drawdown": (
        "warning", FALLEN, "{subject} fell {value:.1%} from a peak within 252 sessions: see its tear sheet; "
        "pause it or lower its weight",
    ),
    "account_drawdown": (
        "warning", None, "account {subject} is {value:.1%} from its peak, at {latches:.0%} its kill switch latches: "
        "see its exposures on the page Risk",
    ),
    "stale_data": (
        "warning", WITHOUT_BARS, "{subject} has had no bar for {value:.0f} sessions: look for it at the vendor, "
        "or record that it left the universe",
    ),
    "kill_switch": ("critical", None, "the kill switch of {subject} is latched, nothing is ordered: {why}; make rearm"),
}  # fmt: skip


def raise_and_close(connection: Connection, session: dt.date) -> dict[str, int]:
    """Bring the alerts of KINDS up to date with a session; returns how many of each its figures open.

    What a figure that is not known would tell stays as it is. Drift has its own step, see model_drift. What blocks a
    model is told as it runs; a paused one runs no more, so its alert closes here.
    """
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    asked = {"session": session, "behind": BEHIND, "fallen": FALLEN, "sessions": WITHOUT_BARS,
             "part": OF_LIMIT}  # fmt: skip
    for name in (
        "alerts/select_weak_models", "alerts/select_fallen_accounts", "alerts/select_stale_symbols",
        "alerts/select_latched",
    ):  # fmt: skip
        for row in connection.execute(load_sql(name), asked):
            found[row["kind"]].append(row)
    left: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(load_sql("alerts/select_unknown_models"), {"session": session}):
        left[row["kind"]].append(row["subject"])
    active = connection.execute(load_sql("models/select_active")).fetchall()
    close_others(connection, BLOCKED, [model["model_name"] for model in active])
    for kind, (severity, threshold, message) in KINDS.items():
        close_others(connection, kind, [*left[kind], *(row["subject"] for row in found[kind])])
        for row in found[kind]:
            open_alert(
                connection, kind, row["subject"], message.format(**row), severity=severity, value=row["value"],
                threshold=row.get("threshold", threshold), session=session,
            )  # fmt: skip
    return {kind: len(found[kind]) for kind in KINDS}
