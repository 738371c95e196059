"""What a training leaves in the database beside its version: the run, its folds, its labels, the trials counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql, take_lock, transaction
from models.errors import ConfigError

LOCK = "model_training"
Row = dict[str, Any]


def open_run(uri: str, facts: Mapping[str, Any], universe: str, trainer_class: str) -> Row:
    """Write the row of a training that begins, and count its configuration as tried.

    Args:
        uri: trainer's connection URI.
        facts: columns of training_runs but for trial_id; parameters and folds as mappings.
        universe: what strategy_trials calls the symbols.
        trainer_class: dotted path of the trainer.

    Returns:
        The row; of an earlier try when run_key is known.
    """
    configuration = {"trainer": facts["parameters"], "folds": facts["folds"], "seed": facts["seed"]}
    trial = {"strategy": facts["family"], "strategy_class": trainer_class, "parameters": configuration}
    with transaction(uri) as connection:
        take_lock(connection, LOCK, facts["family"])
        asked = {"rows": json_text([trial]), "universe": universe}
        counted = connection.execute(load_sql("strategy_trials/upsert_trials"), asked).fetchone()
        assert counted is not None  # noqa: S101  # the upsert gives each row back
        texts = {name: json_text(facts[name]) for name in ("parameters", "folds", "asked")}
        row = connection.execute(
            load_sql("training_runs/upsert_run"), {**facts, **texts, "trial_id": counted["id"]}
        ).fetchone()
    assert row is not None  # noqa: S101
    return row


def begun(connection: Connection, run_key: str) -> Row | None:
    """Return id, family, last session and knowledge cutoff of a run that has begun already, None when it has not."""
    return connection.execute(load_sql("training_runs/select_begun"), {"run_key": run_key}).fetchone()


def find_run(connection: Connection, run_id: int) -> Row:
    """Return a training's row, with model_version_id once it has registered one.

    Raises:
        ConfigError: when there is none of this id.
    """
    row = connection.execute(load_sql("training_runs/select_run"), {"id": run_id}).fetchone()
    if row is None:
        raise ConfigError("no such training", stage="training", key="run", value=run_id,
                          remedy="see table training_runs")  # fmt: skip
    return row


def note_run(uri: str, run_id: int, **facts: Any) -> None:
    """Note what came of a training: findings, sharpe_per_session, compared_with, tracking_run, tracking_error."""
    known: dict[str, Any] = dict.fromkeys(
        ("findings", "sharpe_per_session", "compared_with", "tracking_run", "tracking_error")
    )
    if "findings" in facts:
        facts["findings"] = json_text(facts["findings"])
    with transaction(uri) as connection:
        connection.execute(load_sql("training_runs/update_facts"), {**known, **facts, "id": run_id})


def end_run(uri: str, run: Mapping[str, Any], error: str | None = None) -> None:
    """Note that a training has ended; a failure opens an alert for its family, a good end closes it."""
    with transaction(uri) as connection:
        ended = {"id": run["id"], "error": error[:4000] if error else None}
        connection.execute(load_sql("training_runs/update_ended"), ended)
        if error:
            open_alert(connection, "training_failed", run["family"], error)
        else:
            close_alert(connection, "training_failed", run["family"])


def end_begun(uri: str, run_key: str, family: str, error: str) -> None:
    """Note that a training failed at its beginning: in its row if it has one, and as an alert in any case."""
    with transaction(uri) as connection:
        run = begun(connection, run_key)
        if run is None:
            open_alert(connection, "training_failed", family, error)
    if run is not None:
        end_run(uri, run, error)


def store_folds(uri: str, run_id: int, configuration: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store folds, each once; ``configuration`` is candidate or promoted."""
    own = {"training_run_id": run_id, "configuration": configuration}
    with transaction(uri) as connection:
        connection.execute(
            load_sql("walk_forward_results/insert_results"), {"rows": json_text([{**own, **r} for r in rows])}
        )


def stored_folds(connection: Connection, run_id: int, configuration: str = "candidate") -> list[Row]:
    """Return a training's folds in order of time."""
    asked = {"run": run_id, "configuration": configuration}
    return connection.execute(load_sql("walk_forward_results/select_results"), asked).fetchall()


def trials_of(connection: Connection, family: str) -> tuple[int, list[float]]:
    """Return how many configurations of a family were ever tried, and the Sharpe ratios per session that are known."""
    counted = connection.execute(load_sql("strategy_trials/count_trials"), {"strategy": family}).fetchone()
    rows = connection.execute(load_sql("training_runs/select_trial_sharpes"), {"family": family})
    return int(counted["trials"]) if counted else 0, [row["sharpe_per_session"] for row in rows]


def store_labels(
    uri: str, price: str, horizon: int, labels: pd.DataFrame, *, first: dt.date, last: dt.date, symbols: Sequence[str]
) -> int:
    """Store what is learnt from; unchanged labels are left alone, those of the span not handed over go.

    Args:
        uri: trainer's connection URI; no other role reads what is written here.
        price: open or close.
        horizon: sessions between the label's two prices.
        labels: symbol, session_date, label, label_end; no NaN.
        first: session the span begins with.
        last: session by which its labels are known.
        symbols: whose labels these are.

    Returns:
        Labels written.
    """
    asked = {"price": price, "horizon": horizon}
    with transaction(uri) as connection:
        take_lock(connection, LOCK, "labels")
        connection.execute(load_sql("training_labels/create_staged"))
        copy_in(connection, "staged_labels", labels)
        connection.execute("ANALYZE staged_labels")
        span = {"first": first, "last": last, "symbols": list(symbols)}
        connection.execute(load_sql("training_labels/delete_gone"), {**asked, **span})
        return connection.execute(load_sql("training_labels/upsert_labels"), asked).rowcount


def feature_set_version(connection: Connection, name: str) -> int:
    """Return the current version of a feature set.

    Raises:
        ConfigError: when the home has not computed the set yet.
    """
    row = connection.execute(load_sql("feature_definitions/select_version"), {"set": name}).fetchone()
    if row is None:
        raise ConfigError("no such feature set in this home", stage="training", key="feature_set", value=name,
                          remedy="run feature_engineering first")  # fmt: skip
    return int(row["version"])
