"""What Almanac adds to Airflow itself; the only file of this folder that Airflow's plugin loader imports."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/almanac"


class TradingPlugin(AirflowPlugin):
    """Puts the pages under one entry of Airflow's navigation, behind Airflow's login."""

    name = "almanac"
    external_views: ClassVar[list[Any]] = [  # type: ignore[misc]
        {
            "name": "Almanac",
            "href": f"{PREFIX}/",
            "url_route": "almanac",
            "destination": "nav",
            "nav_top_level": True,
        }
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
