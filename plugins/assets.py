"""The tables DAGs wait for, as Airflow assets: a stage's last write is the next stage's start."""

from __future__ import annotations

from airflow.sdk import Asset

# The address is a name, not a connection: it is the same on every machine.
_DATABASE = "postgres://quant-data:5432/quant_data/public/"

MARKET_DATA = Asset(name="market_data", uri=_DATABASE + "market_data")
FEATURE_STORE = Asset(name="feature_store", uri=_DATABASE + "feature_store")
SIGNALS = Asset(name="signals", uri=_DATABASE + "signals")
POSITIONS = Asset(name="positions", uri=_DATABASE + "positions")
MODEL_PERFORMANCE = Asset(name="model_performance", uri=_DATABASE + "model_performance")
