"""`make data-docs`: the expectations of the run judged last, as pages in this home; works without a network."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from data_layer.quality.expectations import batches, build_docs
from data_layer.quality.facts import read_facts
from data_layer.quality.findings import read_checked
from data_layer.quality.thresholds import load_thresholds
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.sessions import sessions_between
from data_layer.settings import home_path
from data_layer.storage.database import load_sql, transaction
from models.errors import ConfigError


def main() -> int:
    """Judge the newest run's sessions by the tables as they are now, and write the pages."""
    home = Home(home_path())
    uri = home.uri("quant_reader")
    with transaction(uri) as connection:
        run = connection.execute(load_sql("data_quality_results/select_newest")).fetchone()
        if run is None:
            raise ConfigError("nothing has been judged", stage="data_docs", key="data_quality_results",
                              remedy="run data_ingestion first")  # fmt: skip
        first, last = run["first_session"], run["session_date"]
        spans = connection.execute(load_sql("trading_universe/select_spans")).fetchall()
        facts, _ = read_facts(connection, run["run_id"], sessions_between(first, last), spans, last)
    bars, _ = read_checked(uri, last, last)
    day = bars[bars["date"] == pd.Timestamp(last)]
    gate = load_thresholds().gate
    folder = home.path / "great_expectations"
    now = dt.datetime.now(dt.UTC)
    page = build_docs(batches(facts, day, gate), gate, folder, now, is_synthetic=run["is_synthetic"])
    say(f"{first}..{last}: {page}")
    return 0


if __name__ == "__main__":
    ends(main)
