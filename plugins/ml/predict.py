"""`make predict MODEL= START= END= [VERSION=]`: what a version foretells of past sessions, stored and compared."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import Settings, given_values, load_settings, parse_date
from data_layer.storage.database import take_lock, transaction
from data_layer.storage.registry import find_version, promoted_version
from models.errors import ConfigError
from models.ml.base import no_version
from models.ml.strategy import ModelStrategy
from models.strategies.discovery import discover_strategies
from plugins.ml.material import family_class
from plugins.ml.serving import COLUMNS, foretell, with_version
from plugins.stages.predictions import store_predictions
from plugins.stages.runs import completed_sessions

NAMES = ("MODEL", "START", "END", "VERSION")


def predict(
    uri: str, settings: Settings, family: str, start: dt.date, end: dt.date, version_id: int | None = None
) -> dict[str, int]:
    """Predict every session from start to end that the version has not learnt from, and store what is new.

    Rows that are stored already must be the same, bit for bit: the daily run made them with the same version.

    Args:
        uri: writer's connection URI; it cannot read labels.
        settings: where artifacts lie.
        family: the model.
        start: first session.
        end: last session.
        version_id: model_versions.id; None for the one in use.

    Returns:
        sessions, skipped (the version had seen their future), rows, gaps (members without a prediction), written.

    Raises:
        ConfigError: unknown family or version; no session with features from start to end.
        BlockedError: no version is in use.
        DataQualityError: a stored prediction differs, or the artifact is missing or spoilt.
    """
    trainer = family_class(family)
    with transaction(uri) as connection:
        version = find_version(connection, version_id) if version_id else promoted_version(connection, family)
        cutoffs = completed_sessions(connection, "feature_engineering")
    if version is None:
        raise no_version(family)
    if version["family"] != family:
        raise ConfigError("the version is another model's", stage="predict", key="VERSION", value=version_id,
                          remedy=f"it is {version['family']}'s: see make models")  # fmt: skip
    asked = [session for session in cutoffs if start <= session <= end]
    if not asked:
        raise ConfigError("no session with features", stage="predict", key="START..END", value=f"{start}..{end}",
                          remedy="run feature_engineering for them first")  # fmt: skip
    strategy = discover_strategies().classes[family]()
    if not isinstance(strategy, ModelStrategy):
        raise ConfigError("no strategy trades this model", stage="predict", key="MODEL", value=family,
                          remedy=f"add models/strategies/ml/{family}.py")  # fmt: skip
    sessions = [session for session in asked if session >= version["seen_until"]]
    own = trainer.from_parameters(version["parameters"])
    loaded = with_version(uri, settings, strategy, version)
    parts = [
        said.rows(own.label_horizon) for _, _, said in foretell(uri, loaded, sessions, cutoffs, own.memory)
    ]
    rows = pd.concat(parts or [pd.DataFrame(columns=list(COLUMNS))], ignore_index=True)
    rows = rows.assign(model_version_id=version["id"])
    with transaction(uri) as connection:
        take_lock(connection, "model_execution")
        written = store_predictions(connection, rows, stage="predict") if len(rows) else 0
    return {
        "sessions": len(sessions),
        "skipped": len(asked) - len(sessions),
        "rows": int(rows["reason"].isna().sum()),
        "gaps": int(rows["reason"].notna().sum()),
        "written": written,
    }


def main() -> int:
    """Predict with what the command line names, in this home."""
    settings, given = load_settings(), {k: v for k, v in given_values(names=NAMES).items() if v}
    for name in ("START", "END"):
        if name not in given:
            raise ConfigError("name the sessions to predict for", stage="predict", key=name, value="",
                              remedy="write START=2020-01-02 END=2020-03-31")  # fmt: skip
    start, end = (parse_date(given[name], key=name, stage="predict") for name in ("START", "END"))
    version = given.get("VERSION", "")
    if version and not (version.isascii() and version.isdigit()):
        raise ConfigError(
            "not a version", stage="predict", key="VERSION", value=version, remedy="see make models"
        )
    uri = Home(settings.almanac_home).uri("quant_writer")
    done = predict(uri, settings, given.get("MODEL", ""), start, end, int(version) if version else None)
    say(
        f"{done['rows']:,} predictions of {done['sessions']} sessions, {done['written']:,} new, the others as stored"
    )
    if done["gaps"]:
        say(f"{done['gaps']:,} without one: the reasons are in prediction_gaps")
    if done["skipped"]:
        say(f"{done['skipped']} sessions left out: the version has learnt from their future")
    return 0


if __name__ == "__main__":
    ends(main)
