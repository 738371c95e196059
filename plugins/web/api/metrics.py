"""Figures for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from plugins.stages.context import CHAIN
from plugins.web.reading import rows

router = APIRouter(tags=["status"])
TEXT = "text/plain; version=0.0.4; charset=utf-8"
Samples = Iterable[tuple[Mapping[str, str], Any]]


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> PlainTextResponse:
    """Give how far each stage is, open alerts, kill switches, equity and orders by state, as Prometheus reads them."""
    stages = rows("api/select_health", stages=list(CHAIN))
    accounts = rows("api/select_account_figures")
    alerts = rows("api/count_alerts")
    done = [s for s in stages if s["last_session"]]
    now = request.state.came_at
    text = "".join(
        (
            _family("almanac_stage_failed", "1 when the newest attempt after the last completed session failed",
                    [({"stage": s["stage"]}, int(s["failed_session"] is not None)) for s in stages]),
            _family("almanac_stage_last_session_days", "Last completed session, days since 1970-01-01",
                    [({"stage": s["stage"]}, s["last_session"].toordinal() - 719_163) for s in done]),
            _family("almanac_stage_age_seconds", "Seconds since that session was completed",
                    [({"stage": s["stage"]}, (now - s["completed_at"]).total_seconds()) for s in done]),
            _family("almanac_open_alerts", "Alerts that are open",
                    [({"severity": a["severity"]}, a["alerts"]) for a in alerts]),
            _family("almanac_kill_switch_latched", "1 while nothing may be ordered",
                    [({"account": a["id"]}, int(a["latched"])) for a in accounts]),
            _family("almanac_account_equity_usd", "Equity at the last booked close",
                    [({"account": a["id"]}, a["equity_usd"]) for a in accounts if a["equity_usd"] is not None]),
            _family("almanac_account_open_orders", "Orders that are out or wait to be sent",
                    [({"account": a["id"]}, a["open_orders"]) for a in accounts]),
        )
    )  # fmt: skip
    return PlainTextResponse(text, media_type=TEXT)


def _family(name: str, said: str, samples: Samples) -> str:
    lines = [f"# HELP {name} {said}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
