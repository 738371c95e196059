"""Open alerts, and where each kind's subject is looked at."""

from __future__ import annotations

from typing import Any

from data_layer.settings import is_symbol
from plugins.web.around import Around
from plugins.web.reading import rows
from plugins.web.rendering import fill

# By kind, with {column} where the row's own value stands. A subject that names nothing leads nowhere: what stands in an
# alert may have left the platform since.
WAYS = {
    "model_underperformance": "/strategies/{model}",
    "model_drawdown": "/strategies/{model}",
    "model_blocked": "/strategies/{model}",
    "account_drawdown": "/risk?account={account}&session={session_date}#state",
    "kill_switch": "/risk?account={account}#switch",
    "stale_data": "/rows/symbol?symbol={symbol}&session={session_date}",
    "model_feature_drift": "/models/{version}#drift",
    "model_prediction_drift": "/models/{version}#drift",
    "model_without_skill": "/models/{version}#drift",
    "artifact_refused": "/models/{version}#artifact",
    # Of a training that left no version: those its family has.
    "training_failed": "/models",
    "tracking_failed": "/models",
}


def open_alerts(around: Around, prefix: str, count: int) -> list[dict[str, Any]]:
    """Return open alerts, gravest and newest first.

    Args:
        around: whose account the ways keep, but for those to an account of their own.
        prefix: path that the pages lie below.
        count: how many at most.

    Returns:
        The table's columns, and ``way``: where the subject leads, empty for nowhere.
    """
    found = rows("pages/select_open_alerts", count=count)
    return [{**alert, "way": _way(alert, around, prefix)} for alert in found]


def _way(alert: dict[str, Any], around: Around, prefix: str) -> str:
    subject = alert["subject"]
    path = fill(WAYS.get(alert["kind"], ""), {**alert, "symbol": subject if is_symbol(subject) else None})
    if not path:
        return ""
    return prefix + (path if "account=" in path else around.way(path))
