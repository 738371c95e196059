"""What Almanac adds to Airflow itself; the only file of this folder that Airflow's plugin loader imports."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/almanac"


class TradingPlugin(AirflowPlugin):
    """Puts the pages under one entry of Airflow's navigation, and a run's session beside the run."""

    name = "almanac"
    external_views: ClassVar[list[Any]] = [  # type: ignore[misc]
        {
            "name": "Almanac",
            "href": f"{PREFIX}/",
            "url_route": "almanac",
            "destination": "nav",
            "nav_top_level": True,
        },
        {
            # A tab of every run's page; Airflow fills in what is in braces.
            "name": "Session",
            "href": f"{PREFIX}/run?dag={{DAG_ID}}&run={{RUN_ID}}",
            "url_route": "almanac-session",
            "destination": "dag_run",
        },
    ]

    @cached_property
    def deadline_references(self) -> list[Any]:  # type: ignore[override]
        """What the scheduler reckons a session's deadline by."""
        from plugins.notify.deadline import SessionDeadline

        return [SessionDeadline]

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """The pages; built for the web server alone, as every task's process loads plugins too."""
        from plugins.web.app import build_app

        return [{"app": build_app(), "url_prefix": PREFIX, "name": "Almanac"}]
