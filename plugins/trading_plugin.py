"""What Almanac adds to Airflow itself; the only file of this folder that Airflow's plugin loader imports."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class TradingPlugin(AirflowPlugin):
    """Names the project in Airflow's list of plugins."""

    name = "almanac"
