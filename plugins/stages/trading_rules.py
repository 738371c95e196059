"""What a session of an account is decided by, as set now: it is stored with the session, to decide it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from data_layer.settings import Settings
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.kill_switch import read_switch
from data_layer.storage.limits import load_defaults, own_thresholds
from models.errors import ConfigError
from models.portfolio_weights import PortfolioRules


def refuse_older(stored: Mapping[dt.date, Mapping[str, Any]], decided: Sequence[dt.date]) -> None:
    """Refuse to decide again what was decided before there was an ensemble: nobody knows its rules any more.

    Args:
        stored: rules by session, of those that have any.
        decided: sessions that must have some.

    Raises:
        ConfigError: names the first such session, and the first that can be compared.
    """
    older = sorted({s for s, r in stored.items() if "ensemble" not in r} | (set(decided) - stored.keys()))
    if older:
        later = min((s for s in stored if s > older[-1]), default=None)
        remedy = f"give start={later}" if later else "sessions decided from now on can be compared"
        raise ConfigError("decided before there was an ensemble, so it cannot be decided again", stage="risk_execution",
                          key="session", value=str(older[0]), remedy=remedy)  # fmt: skip


def rules_now(connection: Connection, settings: Settings, account: str) -> dict[str, Any]:
    """Return limits, ensemble, portfolio settings, switch and costs in force now.

    A symbol's own threshold of a limit that has but one is left out: it is a row from before these were refused, and
    rows are not removed.
    """
    load_defaults(connection)
    limits: dict[str, float] = {}
    overrides: dict[str, dict[str, float]] = {}
    own = own_thresholds()
    for row in connection.execute(load_sql("risk_limits/select_limits")):
        if row["symbol"] and row["name"] not in own:
            continue
        if row["symbol"]:
            overrides.setdefault(row["name"], {})[row["symbol"]] = row["threshold"]
        else:
            limits[row["name"]] = row["threshold"]
    switch = read_switch(connection, account)
    portfolio, rearm_sessions = _portfolio(connection, settings, account)
    return {
        "account": account,
        "ensemble": _ensemble(connection),
        "portfolio": portfolio,
        "benchmark": settings.benchmark,
        "limits": limits,
        "overrides": overrides,
        "kill_switch": switch.by_hand,
        "last_rearm": switch.last_rearm,
        "rearm_sessions": rearm_sessions,
        "commission_per_share": str(settings.commission_per_share),
        "commission_minimum": str(settings.commission_minimum),
        "slippage_bps": str(settings.slippage_bps),
        "volume_share": str(settings.volume_share),
        "cash_rate": str(settings.cash_rate),
        "borrow_rate": str(settings.borrow_rate),
        "initial_cash": str(settings.initial_cash),
        "dry_run": settings.dry_run,
        "pays_out_delisted": True,
        "withdraws_free_cash": True,
        "expires_in_old_shares": True,
        "books_told_late": True,
        "exits": "at_close" if settings.stops_at_close else "resting",
        **_of_broker(settings),
    }


def _of_broker(settings: Settings) -> dict[str, Any]:
    """Return what differs at a real broker: interest is its own, exits are its orders or judged at the close."""
    if settings.broker.name == "simulated":
        return {}
    return {"broker": settings.broker.name, "exits": "at_close", "cash_rate": "0", "borrow_rate": "0"}


def _ensemble(connection: Connection) -> dict[str, Any]:
    found = connection.execute(load_sql("ensemble_settings/select_settings")).fetchone() or {}
    factors = {name: found.pop(f"factor_{name}") for name in ("bull", "sideways", "bear")}
    members = connection.execute(load_sql("ensemble_members/select_members")).fetchall()
    return {**found, "factors": factors, "members": members}


def _portfolio(connection: Connection, settings: Settings, account: str) -> tuple[dict[str, Any], int | None]:
    """Return the account's rules, and after how many sessions its switch may arm itself."""
    row = connection.execute(
        load_sql("portfolio_settings/select_settings"), {"account_id": account}
    ).fetchone()
    found: dict[str, Any] = {**row} if row else {}
    rearm = found.pop("rearm_sessions", None)
    if found.get("full_score_weight") is None:
        found["full_score_weight"] = settings.full_score_weight
    return asdict(PortfolioRules(**found)), rearm
