"""A model's figures from the tables by plain loops, sharing no code with the product."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from typing import Any

from tests.support.chain import query


def market(
    database: Any, until: str
) -> tuple[list[dt.date], dict[tuple[str, dt.date], float], dict[tuple[str, dt.date], float]]:
    """Return sessions; opens of what a first day's share has become, dividends reinvested; raw opens."""
    bars = query(database.reader, "SELECT * FROM market_data WHERE date <= %(d)s ORDER BY date", {"d": until})
    actions = query(database.reader, "SELECT * FROM corporate_actions ORDER BY action_type DESC")
    held, closes, worth, raw = {}, {}, {}, {}
    for bar in bars:
        symbol, day = bar["symbol"], bar["date"]
        shares = held.get(symbol, 1.0)
        split = 1.0
        for action in actions:
            if (action["symbol"], action["ex_date"]) == (symbol, day) and symbol in closes:
                if action["action_type"] == "split":
                    split = float(action["value"])
                    shares *= split
                else:
                    before = closes[symbol] / split
                    shares *= before / (before - float(action["value"]))
        held[symbol], closes[symbol] = shares, bar["close"]
        worth[symbol, day], raw[symbol, day] = bar["open"] * shares, bar["open"]
    return sorted({bar["date"] for bar in bars}), worth, raw


def plain(
    database: Any,
    model: str,
    until: str,
    *,
    holding: int = 5,
    risk_free: float = 0.02,
    capital: float = 100_000,
) -> dict[str, float | None]:
    """Return the figures by the definitions of the table's comments, one trade and one evening at a time."""
    days, worth, raw = market(database, until)
    signals = query(
        database.reader,
        "SELECT s.* FROM signals s JOIN models m ON m.id = s.model_id "
        "WHERE m.model_name = %(model)s AND s.session_date <= %(d)s ORDER BY session_date, symbol",
        {"model": model, "d": until},
    )
    place = {day: i for i, day in enumerate(days)}

    def cost(symbol, day):
        return 0.0005 + max(0.005 / raw[symbol, day], 1.0 / (capital * 0.05))

    closed, right, waiting = [], 0, 0
    wanted = [{} for _ in days]
    for s in signals:
        sign = {"long": 1, "short": -1, "flat": 0}[s["side"]]
        at, symbol = place[s["session_date"]], s["symbol"]
        if sign and s["position_size"]:
            wanted[at][symbol] = sign * s["position_size"]
        if not sign:
            continue
        if at + 1 + holding >= len(days):
            waiting += 1
            continue
        into, out = days[at + 1], days[at + 1 + holding]
        ratio = worth[symbol, out] / worth[symbol, into]
        closed.append(sign * (ratio - 1) - cost(symbol, into) - cost(symbol, out) * ratio)
        right += sign * (ratio - 1) > 0

    returns, weights, started = [], {}, False
    for t, day in enumerate(days):
        grown = {s: w * worth[s, day] / worth[s, days[t - 1]] for s, w in weights.items()}
        account = 1 + sum(grown.values()) - sum(weights.values())
        grown = {s: w / account for s, w in grown.items()}
        goal = wanted[t - 1] if t else {}
        total = max(sum(map(abs, goal.values())), 1.0)
        goal = {s: w / total for s, w in goal.items()}
        traded = {s: abs(goal.get(s, 0) - grown.get(s, 0)) for s in goal.keys() | grown.keys()}
        started = started or any(traded.values())
        if started:
            returns.append(account * (1 - sum(x * cost(s, day) for s, x in traded.items() if x)) - 1)
        weights = goal

    wins, losses = [r for r in closed if r > 0], [r for r in closed if r < 0]
    wealth, peak, deepest = 1.0, 1.0, 0.0
    for r in returns:
        wealth *= 1 + r
        peak = max(peak, wealth)
        deepest = min(deepest, wealth / peak - 1)
    spread = statistics.stdev(returns) if len(returns) > 1 else None
    daily_rate = (1 + risk_free) ** (1 / 252) - 1
    lost = -sum(r for r in returns if r < 0)
    return {
        "total_trades": len(closed),
        "open_trades": waiting,
        "avg_return": statistics.fmean(closed) if closed else None,
        "win_rate": len(wins) / len(closed) if closed else None,
        "avg_win": statistics.fmean(wins) if wins else None,
        "avg_loss": statistics.fmean(losses) if losses else None,
        "prediction_accuracy": right / len(closed) if closed else None,
        "total_return": wealth - 1 if returns else None,
        "volatility": spread * math.sqrt(252) if spread else spread,
        "sharpe_ratio": (statistics.fmean(returns) - daily_rate) / spread * math.sqrt(252)
        if spread
        else None,
        "max_drawdown": deepest if returns else None,
        "profit_factor": sum(r for r in returns if r > 0) / lost if lost else None,
    }
