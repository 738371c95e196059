"""Drift of trained models: what versions see and say against their training window, and whether they were right."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from psycopg import sql

from data_layer.features.adjustment import forward_factors
from data_layer.labels import next_session_return
from data_layer.sessions import sessions_between
from data_layer.storage.alerts import close_alert, close_others, open_alert
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import Connection, load_sql, read_frame, take_lock, transaction
from data_layer.storage.merge import merge
from data_layer.storage.registry import load_artifact
from models.errors import DataQualityError
from models.ml.drift import SKILL_LIMIT, SKILL_MINIMUM, SKILL_WINDOW, WINDOW, stability, trailing_mean
from models.ml.evaluate import correlations
from models.panel import Panel
from plugins.stages.context import Context
from plugins.stages.knowledge import actions_as_of, join_renamed, members_as_of, renames, stable_views
from plugins.stages.runs import completed_sessions

COLUMNS = ("session_date", "measure", "subject", "value", "threshold", "n")
KEY = ("model_version_id", "session_date", "measure", "subject")
# By measure: the alert's kind, and what to do.
ALERTS = {
    "feature_psi": (
        "model_feature_drift",
        "look at the feature's bars; train again if the market has changed",
    ),
    "score_psi": ("model_prediction_drift", "compare with feature drift; train again"),
    "mean_rank_ic": ("model_without_skill", "roll back, pause the model or train again"),
}
AT_ONCE = 250  # sessions of a catch-up in memory: of 158 features and 400 symbols some 130 MB
Row = tuple[dt.date, str, str, float, float, int]


def measure_drift(context: Context) -> Mapping[str, Any]:
    """Measure every version's sessions that are not measured yet, up to the window's last, and alert.

    What a version's artifact lacks cannot be compared: one without a reference gets only its rank ICs, one whose
    file is refused nothing (and an alert, see load_artifact), and the others go on. Alerts of versions that nothing
    runs with any more close here: such a version may never have a session due again.
    """
    until, store = context.sessions[-1], open_store(context.settings)
    counts = {"versions": 0, "written": 0, "refused": 0, "without_reference": 0}
    with transaction(context.uri) as connection:
        versions = connection.execute(load_sql("model_drift/select_versions"), {"until": until}).fetchall()
        in_use = [row["subject"] for row in connection.execute(load_sql("model_drift/select_in_use"))]
    for version in versions:
        try:
            metadata = load_artifact(context.uri, store, version)[1]
        except DataQualityError:
            counts["refused"] += 1
            continue
        counts["versions"] += 1
        counts["without_reference"] += "reference" not in metadata
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage, "model_drift")
            for measure in (_stability, _skill):
                counts["written"] += measure(connection, context, version, metadata)
            _alert(connection, version, in_use)
    with transaction(context.uri) as connection:
        for kind, _ in ALERTS.values():
            close_others(connection, kind, in_use)
    return context.say("model drift measured", **counts)


def _stability(
    connection: Connection, context: Context, version: Mapping[str, Any], metadata: Mapping[str, Any]
) -> int:
    """Store the stability of features and scores of the sessions due."""
    due, written = _due(connection, context, version, "score_psi"), 0
    known = metadata.get("reference", {"features": {}, "score": {"edges": [], "counts": [0, 0]}})
    for part in (due[first : first + AT_ONCE] for first in range(0, len(due), AT_ONCE)):
        axis = sessions_between(part[0] - dt.timedelta(days=3 * WINDOW), part[-1])
        axis = axis[max(bisect_left(axis, part[0]) - WINDOW + 1, 0) :]
        at = np.searchsorted(np.array(axis), np.array(part))
        span = {"start": axis[0], "end": axis[-1]}
        scores = read_frame(
            context.uri, load_sql("predictions/select_scores"), {"version": version["id"], **span}
        )
        rows = _rows("score_psi", "score", known["score"], scores, "session_date", "score", axis, at)
        names = sorted(known["features"])
        values = _features(connection, context.uri, metadata["feature_set"], names, axis) if names else scores
        for name in names:
            rows += _rows("feature_psi", name, known["features"][name], values, "date", name, axis, at)
        written += _store(connection, context, version, rows)
    return written


def _rows(
    measure: str, subject: str, shape: Mapping[str, Sequence[float]], frame: pd.DataFrame, date: str, column: str,
    axis: Sequence[dt.date], at: np.ndarray,
) -> list[Row]:  # fmt: skip
    """Return the rows of one feature, or of the scores, for the sessions ``at``."""
    days = frame[date].to_numpy().astype("datetime64[D]")
    session = np.searchsorted(np.array(axis, dtype="datetime64[D]"), days)
    values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    value, limit, n = stability(shape, values, session, len(axis))
    if not sum(shape["counts"]):
        value, limit = np.full(len(axis), np.nan), np.full(len(axis), np.nan)
    return [(axis[i], measure, subject, float(value[i]), float(limit[i]), int(n[i])) for i in at]


def _features(
    connection: Connection, uri: str, feature_set: str, names: Sequence[str], axis: Sequence[dt.date]
) -> pd.DataFrame:
    """Return the stored features of members of the universe: what the version was trained on, and predicts."""
    statement = (
        sql.SQL("SELECT symbol, date, {} FROM {} WHERE date BETWEEN %(start)s::date AND %(end)s::date")
        .format(sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(f"features_{feature_set}"))
        .as_string(connection)
    )
    found = read_frame(uri, statement, {"start": axis[0], "end": axis[-1]})
    cutoffs = completed_sessions(connection, "feature_engineering")
    members = members_as_of(connection, [session for session in axis if session in cutoffs], cutoffs)
    belongs = pd.MultiIndex.from_tuples(
        [(pd.Timestamp(day), symbol) for day, own in members.items() for symbol in own], names=["date", "symbol"]
    )
    return found[pd.MultiIndex.from_frame(found[["date", "symbol"]]).isin(belongs)]


def _skill(
    connection: Connection, context: Context, version: Mapping[str, Any], metadata: Mapping[str, Any]
) -> int:
    """Store the rank IC of sessions whose return has come since, and the mean up to each."""
    horizon = max(metadata.get("horizons", [metadata["horizon"]]))
    cutoffs = completed_sessions(connection, "model_execution")
    due = _due(connection, context, version, "rank_ic")
    axis = sessions_between(due[0], context.sessions[-1]) if due else []
    ends = {s: axis[i + horizon + 1] for i, s in enumerate(axis[: -horizon - 1])}
    ripe = [s for s in due if s in ends and ends[s] in cutoffs]
    if not ripe:
        return 0
    found: dict[dt.date, tuple[float, int]] = {}
    begins = {ends[s]: s for s in ripe}
    for view in stable_views(connection, sorted(begins), cutoffs):
        found |= _rank_ics(connection, context.uri, version["id"], [begins[e] for e in view], view[-1],
                           cutoffs[view[-1]], metadata["price"], horizon)  # fmt: skip
    before = {"version": version["id"], "before": ripe[0], "count": SKILL_WINDOW - 1}
    past = [r["value"] for r in connection.execute(load_sql("model_drift/select_rank_ics"), before)]
    series = np.array([*reversed(past), *(found[s][0] for s in ripe)], dtype=np.float64)
    rows: list[Row] = []
    means = trailing_mean(series)
    for i, session in enumerate(ripe, start=len(past)):
        seen = int(np.sum(~np.isnan(series[max(i - SKILL_WINDOW + 1, 0) : i + 1])))
        limit = SKILL_LIMIT if seen >= SKILL_MINIMUM else np.nan
        rows.append((session, "rank_ic", str(horizon), found[session][0], np.nan, found[session][1]))
        rows.append((session, "mean_rank_ic", str(horizon), float(means[i]), limit, seen))
    return _store(connection, context, version, rows)


def _rank_ics(
    connection: Connection, uri: str, version: int, sessions: Sequence[dt.date], end: dt.date, cutoff: dt.datetime,
    price: str, horizon: int,
) -> dict[dt.date, tuple[float, int]]:  # fmt: skip
    """Return rank IC and symbols of each session, by returns as known at the end of the last one."""
    span = {"start": sessions[0], "end": end}
    changes = renames(connection, [end], {end: cutoff})[0]
    bars = read_frame(uri, load_sql("market_data/select_prices_as_of"), {**span, "cutoff": cutoff})
    bars = join_renamed(bars.assign(volume=0.0), changes).sort_values(["symbol", "date"], ignore_index=True)
    bars = forward_factors(bars, join_renamed(actions_as_of(uri, end, cutoff), changes, "ex_date"))
    axis = np.array(sessions_between(sessions[0], end), dtype="datetime64[D]")
    place = np.searchsorted(axis, bars["date"].to_numpy().astype("datetime64[D]"))
    labels = next_session_return(bars, "close" if price == "close" else "open", horizon, place)
    scores = read_frame(uri, load_sql("predictions/select_scores"), {"version": version, **span})
    scores = join_renamed(scores, changes, "session_date")
    symbols = sorted(set(labels["symbol"]))
    said = Panel.from_frame(
        scores, ("score",), sessions=sessions, symbols=symbols, date_column="session_date"
    )
    came = Panel.from_frame(labels, ("label",), sessions=sessions, symbols=symbols)
    values = correlations(said["score"], came["label"])[1]
    heard = (~np.isnan(said["score"]) & ~np.isnan(came["label"])).sum(axis=1)
    return {s: (float(v), int(n)) for s, v, n in zip(sessions, values, heard, strict=True)}


def _due(connection: Connection, context: Context, version: Mapping[str, Any], measure: str) -> list[dt.date]:
    asked = {"version": version["id"], "measure": measure, "until": context.sessions[-1]}
    return [row["session_date"] for row in connection.execute(load_sql("model_drift/select_due"), asked)]


def _store(connection: Connection, context: Context, version: Mapping[str, Any], rows: Sequence[Row]) -> int:
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).assign(model_version_id=version["id"])
    return merge(connection, "model_drift", frame, key=KEY, stage=context.stage).inserted


def _alert(connection: Connection, version: Mapping[str, Any], in_use: Sequence[str]) -> None:
    """Open an alert for each measure beyond its threshold in its newest session; close the others.

    A version that is not in use any more, or whose model is paused, warns of nothing.
    """
    subject = f"{version['family']} version {version['version']}"
    newest = connection.execute(load_sql("model_drift/select_newest"), {"version": version["id"]}).fetchall()
    for measure, (kind, remedy) in ALERTS.items():
        beyond = [r for r in newest if r["measure"] == measure and r["breached"]]
        if not beyond or subject not in in_use:
            close_alert(connection, kind, subject)
            continue
        worst, names = beyond[0], ", ".join(r["subject"] for r in beyond[:10])
        message = (
            f"{measure} of {names} beyond the threshold ({len(beyond)} in all): {remedy}; see model_drift"
        )
        open_alert(connection, kind, subject, message, value=worst["value"], threshold=worst["threshold"],
                   session=worst["session_date"])  # fmt: skip
