"""One pass of a replay: a window of sessions decided again in a schema of its own, from one state of knowledge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from psycopg import sql

from data_layer.broker_settings import BrokerSettings
from data_layer.features.registry import feature_sets, set_version
from data_layer.settings import Settings
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.scratch import Scratch, scratch_schema
from models.errors import ConfigError
from plugins.replay.stages import ReplayedFeatures, ReplayedRisk, ReplayedSignals, models_that_ran
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import completed_sessions
from plugins.stages.window import Request, Window

DECIDING = CHAIN[1:4]


def sessions_to_replay(connection: Connection, first: dt.date, last: dt.date) -> dict[dt.date, dt.datetime]:
    """Return the sessions from first to last with what each knew when it was first decided, ascending.

    Raises:
        ConfigError: when there is none, or one that a stage has not completed.
    """
    known = completed_sessions(connection, CHAIN[0])
    chosen = {session: cutoff for session, cutoff in known.items() if first <= session <= last}
    for stage in DECIDING:
        done = completed_sessions(connection, stage)
        missing = next((session for session in chosen if session not in done), None)
        if missing:
            raise ConfigError(f"{stage} has not completed the session", stage="replay", key="DATE", value=str(missing),
                              remedy="name sessions that were decided, see stage_runs")  # fmt: skip
    if not chosen:
        held = f"from {min(known)} to {max(known)}" if known else "none"
        raise ConfigError("no session was decided in this range", stage="replay", key="DATE..TO",
                          value=f"{first}..{last}", remedy=f"sessions decided: {held}")  # fmt: skip
    return chosen


def refuse_other_features(connection: Connection) -> None:
    """Refuse to compute feature sets by other formulas than those that are stored.

    Raises:
        ConfigError: names the set.
    """
    for name in feature_sets():
        found = connection.execute(load_sql("feature_definitions/select_version"), {"set": name}).fetchone()
        if found is None or found["fingerprint"] != set_version(name):
            raise ConfigError("the code computes this feature set otherwise than it is stored", stage="replay",
                              key="feature_set", value=name, remedy="replay with the code of then, or let "
                              "feature_engineering compute the set as it is now")  # fmt: skip


@contextmanager
def decided_again(
    uri: str, settings: Settings, sessions: Sequence[dt.date], knowledge: Mapping[dt.date, dt.datetime] | None = None
) -> Iterator[Scratch]:
    """Decide sessions again, from features to books, into a schema that ends with the block.

    Args:
        uri: writer's connection URI.
        settings: as they are now; what a session was decided by comes from its own record.
        sessions: completed ones in a row, ascending.
        knowledge: what each may know; what each stage's record says when it is None.

    Raises:
        DataQualityError: when the artifact of a model is not the one registered.
        ConfigError: see refuse_other_features, and trading_rules.refuse_older.
    """
    # What a real broker said is stored; it is asked nothing.
    simulated = replace(settings, broker=BrokerSettings())
    with scratch_schema(uri, sessions[0]) as scratch:
        if knowledge is not None:
            scratch.move_knowledge(knowledge, DECIDING)
        with transaction(scratch.recorded) as connection:
            refuse_other_features(connection)
            known = completed_sessions(connection, CHAIN[0])
        window = Window("replay", tuple(sessions))
        features, signals, risk = (
            Context(Request(stage, scratch.schema, {}, None, known[sessions[-1]]), window, simulated, scratch.uri)
            for stage in DECIDING
        )
        ReplayedFeatures(features).calculate_technical_indicators()
        with transaction(scratch.recorded) as connection:
            models = models_that_ran(connection, signals)
        _look_back(scratch, sessions[0], [m["id"] for m in models if m["is_trained"]])
        ReplayedSignals(signals).run(models)
        ReplayedRisk(risk, scratch).run()
        yield scratch


def _look_back(scratch: Scratch, first: dt.date, trained: Sequence[int]) -> None:
    """Put what trained models, and those that read their predictions, have said before where the stages look."""
    if not trained:
        return
    before = {"first": first, "models": list(trained)}
    scratch.copy("model_runs", sql.SQL("public.model_runs t WHERE t.session_date < %(first)s"), before)
    scratch.copy("predictions", sql.SQL("public.predictions t WHERE t.session_date < %(first)s"), before)
    last = sql.SQL(
        "(SELECT DISTINCT ON (s.model_id, s.symbol) s.* FROM public.signals s "
        "WHERE s.model_id = ANY(%(models)s) AND s.session_date < %(first)s "
        "ORDER BY s.model_id, s.symbol, s.session_date DESC) t"
    )
    scratch.copy("signals", last, before)
