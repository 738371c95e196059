"""A promoted TFT version in a database whose chain has run, its network made by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from data_layer.settings import Settings
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import transaction
from data_layer.storage.registry import decide, find_version, register
from data_layer.storage.training import feature_set_version, open_run
from models.ml.drift import with_reference
from models.ml.trainers.tft import Tft
from plugins.backtest.market import market_from_database
from plugins.ml.dataset import dataset_for
from tests.support.tft import hand_made

# Alerts about trained models, not about how well a strategy of the template did.
OF_VERSIONS = "kind NOT IN ('model_underperformance', 'model_drawdown')"


def promote_tft(
    trainer: str, settings: Settings, seen_until: str, *, reference: bool = True, seed: int = 0
) -> int:
    """Register a version that has seen bars up to a day, promote it, and return its id.

    Args:
        trainer: the trainer's URI.
        settings: say where artifacts lie.
        seen_until: ISO day.
        reference: whether its metadata holds what drift is compared with.
        seed: another one is another network.
    """
    own = Tft(encoder=8)
    data = dataset_for(market_from_database(trainer), own)
    last = int(np.searchsorted(data.sessions, np.datetime64(seen_until))) - own.reach
    rows = data.rows_between(60, last)
    artifact = hand_made(data, seed=seed)
    if reference:
        artifact = with_reference(artifact, Tft, data, rows)
    first, until = (data.sessions[i].astype(dt.date) for i in (60, last))
    with transaction(trainer) as connection:
        version = feature_set_version(connection, "technical")
    facts: dict[str, Any] = {
        "run_key": f"hand-made {seed} {seen_until}", "family": "tft", "parameters": own.parameters(), "folds": {},
        "asked": {"symbols": [], "start": None}, "seed": seed, "first_session": first,
        "last_session": dt.date.fromisoformat(seen_until),
        "known_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "symbols": len(data.symbols), "rows_with_label": len(rows),
        "data_version": "0" * 16, "label_version": "0" * 16, "code_version": "0" * 16, "feature_set": "technical",
        "feature_set_version": version, "started_by": "tester",
    }  # fmt: skip
    run, store = open_run(trainer, facts, "all", "models.ml.trainers.tft.Tft"), open_store(settings)
    row = register(trainer, store, run, artifact.format, artifact.content, artifact.metadata, metrics={},
                   trained=(first, until), seen_until=dt.date.fromisoformat(seen_until))  # fmt: skip
    with transaction(trainer) as connection:
        current = connection.execute(
            "SELECT id FROM model_versions WHERE family = 'tft' AND state = 'promoted'"
        ).fetchone()
        found = find_version(connection, row["id"])
    assert decide(trainer, store, found, current and current["id"], [], by="tester") == "promoted"
    return int(row["id"])
